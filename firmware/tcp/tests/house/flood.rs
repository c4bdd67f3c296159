//! SYN floods from addresses that do not exist, and polite clients among them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tcp::{Config, Endpoint, Flags, Header, Seq};

use crate::crowd::{Crowd, Server};
use crate::support::Memory;
use crate::{HOUSE, at, give, segment};

/// Thirty seconds of so many SYNs each millisecond; ten requests a second. Returns how many were
/// made, served by the end, and served two seconds later.
fn flood(per_ms: u32, one_source: bool) -> (usize, usize, usize) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut memory = Memory::new(HOUSE);
    let mut tcp = memory.engine(Config::default(), 1);
    let listener = tcp.listen("test", None, 80, 16).expect("a listener");
    let (mut crowd, mut server) = (Crowd::new(), Server::default());
    let us = at("192.0.2.1", 80);
    let mut by_the_end = 0;
    for now_ms in 0..32_000u64 {
        if now_ms < 30_000 {
            for _ in 0..per_ms {
                let source = if one_source { 7 } else { random.next_u32() as u8 };
                let net = if one_source { 100 } else { random.next_u32() as u8 };
                let address = [198, 51, net, source].into();
                let from = Endpoint::new(address, random.next_u32() as u16 | 1);
                let seq = Seq(random.next_u32());
                let header = Header { seq, flags: Flags::SYN, window: 1000, ..Header::default() };
                give(&mut tcp, now_ms, address, us.address, &segment(from, us, header, &[]));
            }
            if now_ms % 100 == 0 {
                let from = at("192.0.2.2", 2000 + (now_ms / 100) as u16);
                crowd.start(&mut tcp, now_ms, from, us);
            }
        }
        crowd.talk(&mut tcp, now_ms, |tcp, now| server.serve(tcp, listener, now));
        if now_ms == 30_000 {
            by_the_end = crowd.served();
        }
    }
    let counters = tcp.counters();
    println!(
        "{per_ms} a ms: {} of {}, cookies sent {}, taken {}, pushed out {}, dropped answers {}",
        crowd.served(),
        crowd.len(),
        counters.syncookies_sent,
        counters.syncookies_recv,
        counters.req_q_full_drop,
        counters.reply_drop,
    );
    (crowd.len(), by_the_end, crowd.served())
}

#[test]
fn a_thousand_syns_a_second_keep_nobody_out() {
    let (made, by_the_end, later) = flood(1, false);
    assert!(by_the_end * 10 >= made * 9, "{by_the_end} of {made}");
    assert_eq!(later, made);
}

#[test]
fn five_thousand_syns_a_second_keep_nobody_out() {
    let (made, by_the_end, later) = flood(5, false);
    assert!(by_the_end * 10 >= made * 9, "{by_the_end} of {made}");
    assert_eq!(later, made);
}

#[test]
fn one_source_only_pushes_out_its_own() {
    let (made, by_the_end, later) = flood(5, true);
    assert!(by_the_end * 10 >= made * 9, "{by_the_end} of {made}");
    assert_eq!(later, made);
}
