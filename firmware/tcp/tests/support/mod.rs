//! What the tests share: memory for an engine, segments written by hand, lines for a trace.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::net::IpAddr;

use tcp::{
    Block, Config, Entry, HalfOpen, Instant, Segment, SegmentOut, Slot, Storage, Tcp, TimeWait,
};

/// Memory of one engine.
pub struct Memory {
    connections: Vec<Slot>,
    entries: Vec<Entry>,
    half_open: Vec<Option<HalfOpen>>,
    time_wait: Vec<Option<TimeWait>>,
    blocks: Vec<Block>,
}

/// How much of what.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub connections: usize,
    pub half_open: usize,
    pub time_wait: usize,
    pub blocks: usize,
}

impl Memory {
    pub fn new(sizes: Sizes) -> Self {
        Self {
            connections: (0..sizes.connections).map(|_| Slot::EMPTY).collect(),
            entries: vec![Entry::EMPTY; sizes.connections],
            half_open: vec![None; sizes.half_open],
            time_wait: vec![None; sizes.time_wait],
            blocks: vec![[0; 4096]; sizes.blocks],
        }
    }

    pub fn engine(&mut self, config: Config, key: u8) -> Tcp<'_> {
        let storage = Storage {
            connections: &mut self.connections,
            entries: &mut self.entries,
            half_open: &mut self.half_open,
            time_wait: &mut self.time_wait,
            blocks: &mut self.blocks,
        };
        Tcp::new(storage, config, [key; 16])
    }
}

/// Milliseconds since the start.
pub fn ms(ms: u64) -> Instant {
    Instant::from_micros(ms * 1000)
}

/// The bytes of a segment.
pub fn bytes_of(segment: &SegmentOut<'_>) -> Vec<u8> {
    let mut bytes = vec![0; segment.length()];
    segment.emit(&mut bytes, tcp::Checksum::Software);
    bytes
}

/// One line about a segment, numbers as they are.
pub fn line(from: IpAddr, bytes: &[u8]) -> String {
    match Segment::parse(bytes) {
        Err(bad) => format!("{from} {bad:?}"),
        Ok(segment) => {
            let header = &segment.header;
            let mut line = format!(
                "{from}:{} [{}] seq {}:{} ack {} win {} len {}",
                segment.source_port,
                header.flags,
                header.seq,
                header.seq.plus(segment.payload.len() as u32),
                header.ack,
                header.window,
                segment.payload.len()
            );
            for block in &header.options.sack {
                line += &format!(" sack {}:{}", block.left, block.right);
            }
            if let Some(stamps) = header.options.timestamps {
                line += &format!(" ts {} {}", stamps.value, stamps.echo);
            }
            line
        }
    }
}
