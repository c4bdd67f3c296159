//! How long a segment takes: a bulk transfer between two engines with nothing in between, the
//! payload copied into the segment and out of it, checksums left to the device. Run it with
//! `--release`; the argument is how many bytes. `valgrind --tool=callgrind` counts instructions.

use std::time::Instant as Clock;

use tcp::{Checksum, Config, Ecn, Endpoint, Entry, Instant, SegmentIn, Slot, Storage, Tcp};

fn main() {
    let bytes = std::env::args().nth(1).and_then(|bytes| bytes.parse().ok());
    let bytes = bytes.unwrap_or(2_000_000_000);
    let mut blocks = [vec![[0; 4096]; 600], vec![[0; 4096]; 600]];
    let mut slots: [Vec<Slot>; 2] = std::array::from_fn(|_| (0..64).map(|_| Slot::EMPTY).collect());
    let mut entries = [vec![Entry::EMPTY; 64], vec![Entry::EMPTY; 64]];
    let mut half_open = [[None; 4], [None; 4]];
    let mut engines: Vec<Tcp<'_>> = blocks
        .iter_mut()
        .zip(&mut slots)
        .zip(&mut entries)
        .zip(&mut half_open)
        .map(|(((blocks, connections), entries), half_open)| {
            let (half_open, time_wait) = (&mut half_open[..], &mut [][..]);
            let storage = Storage { connections, entries, half_open, time_wait, blocks };
            Tcp::new(storage, Config::default(), [7; 16])
        })
        .collect();
    let mut now = Instant::START;
    let listener = engines[1].listen("sink", None, 80, 1).expect("a listener");
    let (local, remote) =
        (Endpoint::new([192, 0, 2, 1].into(), 0), Endpoint::new([192, 0, 2, 2].into(), 80));
    let source = engines[0].connect(now, "source", local, remote).expect("a connection");
    let mut sink = None;
    let data = vec![0x55; 65_536];
    let mut out = vec![0; 65_536];
    let (mut received, mut segments) = (0, 0u64);
    let started = Clock::now();
    let mut wire: Vec<Vec<u8>> = Vec::new();
    while received < bytes {
        engines[0].write(now, source, &data).expect("may write");
        for from in 0..2 {
            let mut used = 0;
            engines[from].poll_output(now, &mut |segment| {
                if wire.len() == used {
                    wire.push(vec![0; 1600]);
                }
                let bytes = &mut wire[used];
                bytes.resize(segment.length(), 0);
                segment.emit(bytes, Checksum::Device);
                used += 1;
                true
            });
            let flow = if from == 0 { (local, remote) } else { (remote, local) };
            for bytes in &wire[..used] {
                segments += u64::from(bytes.len() > 1000);
                let checksum = Checksum::Device;
                let (source, destination) = (flow.0.address, flow.1.address);
                let ecn = Ecn::NotCapable;
                let segment = SegmentIn { source, destination, ecn, checksum, bytes };
                engines[1 - from].input(now, &segment);
            }
        }
        sink = sink.or_else(|| engines[1].accept(listener));
        if let Some(id) = sink {
            while let Ok(tcp::Read::Bytes(count)) = engines[1].read(now, id, &mut out) {
                received += count;
            }
        }
        now = now.after(120);
    }
    let each = started.elapsed().as_nanos() as f64 / segments as f64;
    println!("{segments} segments, {each:.0} ns each: sent, received, and their ACKs");
}
