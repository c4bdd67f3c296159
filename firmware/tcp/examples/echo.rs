//! Two engines in one process: one echoes, the other says something and listens. Their segments
//! are carried by a vector, and the time is whatever the loop says.

use tcp::{Checksum, Config, Ecn, Endpoint, Entry, Instant, Read, SegmentIn, Slot, Storage, Tcp};

/// Memory for an engine with one connection; on a board these are statics.
struct Memory {
    connections: [Slot; 1],
    entries: [Entry; 1],
    blocks: Vec<tcp::Block>,
}

impl Memory {
    fn new() -> Self {
        Self {
            connections: [Slot::EMPTY],
            entries: [Entry::EMPTY],
            blocks: vec![[0; tcp::limits::BLOCK_BYTES]; 16],
        }
    }

    /// The key should come from a hardware random number generator.
    fn engine<'a>(&'a mut self, half_open: &'a mut [Option<tcp::HalfOpen>], key: u8) -> Tcp<'a> {
        let storage = Storage {
            connections: &mut self.connections,
            entries: &mut self.entries,
            half_open,
            time_wait: &mut [],
            blocks: &mut self.blocks,
        };
        Tcp::new(storage, Config::default(), [key; 16])
    }
}

/// Carries everything that one engine has to send to the other; returns how much that was.
fn carry(now: Instant, from: &mut Tcp<'_>, to: &mut Tcp<'_>) -> usize {
    let mut wire = Vec::new();
    from.poll_output(now, &mut |segment| {
        let mut bytes = vec![0; segment.length()];
        segment.emit(&mut bytes, Checksum::Software);
        wire.push((segment.flow, segment.why, bytes));
        true
    });
    for (flow, why, bytes) in &wire {
        let verdict = to.input(
            now,
            &SegmentIn {
                source: flow.local.address,
                destination: flow.remote.address,
                ecn: Ecn::NotCapable,
                checksum: Checksum::Software,
                bytes,
            },
        );
        println!("{} > {}: {} bytes, {why}: {verdict}", flow.local, flow.remote, bytes.len());
    }
    wire.len()
}

fn main() {
    let (mut here, mut there) = (Memory::new(), Memory::new());
    let mut half_open = [None; 1];
    let mut client = here.engine(&mut [], 1);
    let mut server = there.engine(&mut half_open, 2);

    let mut now = Instant::START;
    let listener = server.listen("echo", None, 7, 1).expect("nobody else listens");
    let local = Endpoint::new([192, 0, 2, 1].into(), 0);
    let remote = Endpoint::new([192, 0, 2, 2].into(), 7);
    let talker = client.connect(now, "talk", local, remote).expect("a connection");
    client.write(now, talker, b"hello, board").expect("it may be written at once");

    let mut echoing = None;
    let mut buffer = [0; 64];
    let mut heard = 0;
    while heard < 12 {
        while carry(now, &mut client, &mut server) + carry(now, &mut server, &mut client) > 0 {}
        echoing = echoing.or_else(|| server.accept(listener));
        if let Some(id) = echoing
            && let Ok(Read::Bytes(count)) = server.read(now, id, &mut buffer)
        {
            server.write(now, id, &buffer[..count]).expect("room for what was read");
        }
        if let Ok(Read::Bytes(count)) = client.read(now, talker, &mut buffer) {
            heard += count;
            println!("heard {:?}", String::from_utf8_lossy(&buffer[..count]));
        }
        // Sleep until either wants to be woken.
        let deadlines = [client.next_deadline(), server.next_deadline()];
        now = deadlines.into_iter().flatten().min().unwrap_or(now).max(now);
    }
}
