//! How fast a bulk transfer is, in virtual time.

use super::*;

/// Bytes a second that reach the reader of `bytes`, over 100 Mbit/s with 5 ms each way.
fn goodput(seed: u64, lose: u32, bytes: usize, others: u32) -> u64 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut apps = [app(&mut random), app(&mut random)];
    for app in &mut apps {
        (app.to_send, app.read_at_most, app.pause_us, app.waits) = (0, 65_536, 0, false);
    }
    apps[0].to_send = bytes;
    let faults = Faults {
        lose,
        duplicate: others,
        reorder: others,
        corrupt: others,
        delay_us: 5_000,
        bytes_per_second: 12_500_000,
        queue_us: 20_000,
        ..Faults::default()
    };
    let wire = Wire::new(faults, ChaCha8Rng::seed_from_u64(seed));
    let mut memory = [Memory::new(SIZES), Memory::new(SIZES)];
    let [first, second] = &mut memory;
    let mut config = Config::default();
    config.connection.user_timeout_us = END_US;
    let mut one = Ours::listening(first.engine(config, 1));
    let mut two = Ours::connecting(second.engine(config, 2), 1);
    let simulation = Simulation::new([&mut one, &mut two], apps, wire, true);
    let outcome = simulation.run().unwrap_or_else(|why| panic!("{why}"));
    let counters = one.tcp.counters();
    println!(
        "  seed {seed}: {:.3} s, resent {}, timeouts {}, recoveries {}, undone {}",
        outcome.ended_us as f64 / 1e6,
        counters.retrans_segs,
        counters.timeouts,
        counters.sack_recovery,
        counters.full_undo + counters.dsack_undo + counters.spurious_rtos,
    );
    bytes as u64 * 1_000_000 / outcome.ended_us
}

/// The table that the README shows; the bounds are half of what was measured when it was written.
#[test]
fn loss_costs_speed_and_nothing_else() {
    for (lose, others, least) in [
        (0, 0, 5_000_000),
        (10, 0, 300_000),
        (50, 0, 100_000),
        (100, 0, 40_000),
        (100, 100, 10_000),
    ] {
        let runs: Vec<u64> = (0..3).map(|seed| goodput(seed, lose, 4_000_000, others)).collect();
        let mean = runs.iter().sum::<u64>() / runs.len() as u64;
        println!("loss {lose}/1000, each other fault {others}/1000: {mean} bytes/s of {runs:?}");
        assert!(mean >= least, "{mean} < {least}");
    }
}
