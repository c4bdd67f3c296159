//! How fast a bulk transfer is, in virtual time.

use super::*;

/// A line of 100 Mbit/s with 5 ms each way.
const LONG: Faults = Faults { delay_us: 5_000, bytes_per_second: 12_500_000, ..SHORT };

/// A line of 1 Gbit/s with 50 us each way.
const SHORT: Faults = Faults {
    lose: 0,
    duplicate: 0,
    reorder: 0,
    corrupt: 0,
    delay_us: 50,
    jitter_us: 0,
    bytes_per_second: 125_000_000,
    queue_us: 20_000,
    mark: 0,
};

/// A transfer of `bytes`: how many a second, and how long segments waited in the queue.
fn goodput(
    congestion: CongestionControl,
    line: Faults,
    seed: u64,
    (lose, others): (u32, u32),
    bytes: usize,
) -> (u64, u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut apps = [app(&mut random), app(&mut random)];
    for app in &mut apps {
        (app.to_send, app.read_at_most, app.pause_us, app.waits) = (0, 65_536, 0, false);
    }
    apps[0].to_send = bytes;
    let faults = Faults { lose, duplicate: others, reorder: others, corrupt: others, ..line };
    let wire = Wire::new(faults, ChaCha8Rng::seed_from_u64(seed));
    let mut memory = [Memory::new(SIZES), Memory::new(SIZES)];
    let [first, second] = &mut memory;
    let mut config = Config { congestion, ..Config::default() };
    config.connection.user_timeout_us = END_US;
    let mut one = Ours::listening(first.engine(config, 1));
    let mut two = Ours::connecting(second.engine(config, 2), 1);
    let simulation = Simulation::new([&mut one, &mut two], apps, wire, true);
    let outcome = simulation.run().unwrap_or_else(|why| panic!("{why}"));
    let counters = one.tcp.counters();
    println!(
        "  seed {seed}: {:.3} s, queue {} us, sent {}, again {}, timeouts {}, probes {}, \
         recoveries {}, undone {}",
        outcome.ended_us as f64 / 1e6,
        outcome.queue_us[1],
        counters.out_segs,
        counters.retrans_segs,
        counters.timeouts,
        counters.loss_probes,
        counters.sack_recovery,
        counters.full_undo + counters.dsack_undo + counters.spurious_rtos,
    );
    (bytes as u64 * 1_000_000 / outcome.ended_us, outcome.queue_us[1])
}

/// Runs each row, and holds its mean against the least that it must be.
fn table(congestion: CongestionControl, line: Faults, rows: &[(u32, u32, u64)]) {
    for &(lose, others, least) in rows {
        let runs: Vec<u64> = (0..3)
            .map(|seed| goodput(congestion, line, seed, (lose, others), 4_000_000).0)
            .collect();
        let mean = runs.iter().sum::<u64>() / runs.len() as u64;
        println!("loss {lose}/1000, each other fault {others}/1000: {mean} bytes/s of {runs:?}");
        assert!(mean >= least, "{mean} < {least}");
    }
}

/// The tables that the README shows; the bounds are half of what was measured when it was written.
#[test]
fn loss_costs_cubic_speed_and_nothing_else() {
    let rows = [
        (0, 0, 5_000_000),
        (10, 0, 1_000_000),
        (50, 0, 450_000),
        (100, 0, 200_000),
        (100, 100, 40_000),
    ];
    table(CongestionControl::Cubic, LONG, &rows);
}

/// Where a retransmission timeout is two thousand round trips.
#[test]
fn loss_costs_cubic_more_on_a_short_line() {
    let rows = [
        (0, 0, 60_000_000),
        (10, 0, 50_000_000),
        (50, 0, 18_000_000),
        (100, 0, 700_000),
        (100, 100, 48_000),
    ];
    table(CongestionControl::Cubic, SHORT, &rows);
}

#[test]
fn loss_costs_bbr_little() {
    let rows = [
        (0, 0, 5_000_000),
        (10, 0, 4_600_000),
        (50, 0, 4_000_000),
        (100, 0, 2_200_000),
        (100, 100, 850_000),
    ];
    table(CongestionControl::Bbr, LONG, &rows);
}

#[test]
fn loss_costs_bbr_little_on_a_short_line() {
    let rows = [
        (0, 0, 60_000_000),
        (10, 0, 59_000_000),
        (50, 0, 25_000_000),
        (100, 0, 20_000_000),
        (100, 100, 15_000_000),
    ];
    table(CongestionControl::Bbr, SHORT, &rows);
}

/// However long the queue on the way is, BBR does not fill it: the round trip stays well below
/// twice the least. CUBIC fills what its send ring can.
#[test]
fn a_long_queue_stays_short_with_bbr() {
    let line = Faults { queue_us: 1_000_000, ..LONG };
    let [(bbr, bbr_us), (cubic, cubic_us)] = [CongestionControl::Bbr, CongestionControl::Cubic]
        .map(|congestion| goodput(congestion, line, 1, (0, 0), 40_000_000));
    println!("BBR {bbr} bytes/s, {bbr_us} us; CUBIC {cubic} bytes/s, {cubic_us} us");
    assert!(bbr > 11_000_000 && bbr_us < line.delay_us * 2, "{bbr} bytes/s, {bbr_us} us");
    assert!(cubic_us > 2 * bbr_us, "{cubic_us} us");
}
