//! The lives of neighbours, and those who would have others' places.

use super::*;

const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const OTHER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 3]);
const START: Duration = Duration::from_secs(100);
const SECOND: Duration = Duration::from_secs(1);

fn address(last: u16) -> IpAddress {
    IpAddress::v4(10, 0, (last >> 8) as u8, last as u8)
}

const PEER: IpAddress = IpAddress::v4(10, 0, 0, 1);

fn state(table: &Neighbors, now: Duration, address: IpAddress) -> Option<NeighborState> {
    let mut all = (0..).map_while(|index| table.get(index, now));
    all.find(|neighbor| neighbor.address == address).map(|neighbor| neighbor.state)
}

/// Asks until nothing is due at this moment.
fn questions(table: &mut Neighbors, now: Duration) -> std::vec::Vec<Question> {
    core::iter::from_fn(|| table.poll(now)).collect()
}

#[test]
fn three_questions_then_failed() {
    let mut table = Neighbors::new();
    assert_eq!(table.resolve(START, PEER), Resolved::Pending);
    let asks = [Question { address: PEER, of: None }];
    for second in 0..3 {
        let now = START + SECOND * second;
        assert_eq!(table.next_deadline(), Some(now));
        assert_eq!(questions(&mut table, now), asks);
        assert_eq!(questions(&mut table, now), []);
        assert!(!table.is_failed(&PEER));
    }
    assert_eq!(questions(&mut table, START + SECOND * 3), []);
    assert!(table.is_failed(&PEER));
    assert_eq!(table.next_deadline(), None);
    // The next packet begins anew.
    let later = START + SECOND * 4;
    assert_eq!(table.resolve(later, PEER), Resolved::Pending);
    assert_eq!(questions(&mut table, later), asks);
}

/// One neighbour that does not answer costs the others nothing.
#[test]
fn each_is_asked_for_by_itself() {
    let mut table = Neighbors::new();
    for last in 1..=40 {
        table.resolve(START, address(last));
    }
    assert_eq!(questions(&mut table, START).len(), 40);
    assert_eq!(questions(&mut table, START + SECOND).len(), 40);
}

#[test]
fn a_life() {
    let mut table = Neighbors::new();
    table.resolve(START, PEER);
    questions(&mut table, START);
    assert_eq!(table.heard(START, PEER, MAC, Heard::Answer), Verdict::Taken);
    assert_eq!(table.resolve(START, PEER), Resolved::Mac(MAC));
    assert_eq!(state(&table, START, PEER), Some(NeighborState::Reachable));

    let stale = START + NEIGHBOR_REACHABLE;
    assert_eq!(state(&table, stale, PEER), Some(NeighborState::Stale));
    assert_eq!(questions(&mut table, stale), [], "nobody asks for who is not used");
    assert_eq!(table.resolve(stale, PEER), Resolved::Mac(MAC), "used all the same");
    assert_eq!(state(&table, stale, PEER), Some(NeighborState::Delay));
    let probe = stale + NEIGHBOR_DELAY;
    assert_eq!(questions(&mut table, probe), [Question { address: PEER, of: Some(MAC) }]);
    assert_eq!(table.heard(probe, PEER, MAC, Heard::Answer), Verdict::Taken);
    assert_eq!(state(&table, probe, PEER), Some(NeighborState::Reachable));
}

#[test]
fn whoever_sends_is_there() {
    let mut table = Neighbors::new();
    assert_eq!(table.heard(START, PEER, MAC, Heard::Packet), Verdict::Taken);
    assert_eq!(table.resolve(START, PEER), Resolved::Mac(MAC), "its first packet is answered");
    assert_eq!(table.heard(START, PEER, MAC, Heard::Packet), Verdict::Taken);
    assert_eq!(state(&table, START, PEER), Some(NeighborState::Reachable));
    assert_eq!(table.heard(START, PEER, OTHER_MAC, Heard::Packet), Verdict::Refused);
    assert_eq!(table.resolve(START, PEER), Resolved::Mac(MAC));
}

#[test]
fn poison() {
    let mut table = Neighbors::new();
    assert_eq!(table.heard(START, PEER, OTHER_MAC, Heard::Answer), Verdict::Refused, "unasked");
    assert_eq!(table.heard(START, PEER, OTHER_MAC, Heard::Announcement), Verdict::Refused);
    assert_eq!(table.get(0, START), None);
    table.resolve(START, PEER);
    table.heard(START, PEER, MAC, Heard::Answer);
    assert_eq!(table.heard(START, PEER, OTHER_MAC, Heard::Answer), Verdict::Refused, "twice");
    assert_eq!(table.heard(START, PEER, OTHER_MAC, Heard::Question), Verdict::Refused, "at once");
    // A new network card: after a while it is believed, and asked.
    let later = START + NEIGHBOR_LOCK;
    assert_eq!(table.heard(later, PEER, OTHER_MAC, Heard::Announcement), Verdict::Taken);
    assert_eq!(table.resolve(later, PEER), Resolved::Mac(OTHER_MAC));
    assert_eq!(state(&table, later, PEER), Some(NeighborState::Delay));
}

#[test]
fn set_by_hand() {
    let mut table = Neighbors::new();
    table.add(START, PEER, MAC).unwrap();
    for how in [Heard::Answer, Heard::Question, Heard::Announcement, Heard::Packet] {
        assert_eq!(table.heard(START + NEIGHBOR_LOCK, PEER, OTHER_MAC, how), Verdict::Refused);
    }
    table.clear();
    assert_eq!(table.resolve(START + SECOND * 3600, PEER), Resolved::Mac(MAC));
    assert_eq!(table.next_deadline(), None);
    table.delete(&PEER).unwrap();
    assert_eq!(table.delete(&PEER), Err(NetError::Invalid));
    assert_eq!(table.add(START, PEER, EthernetAddress::BROADCAST), Err(NetError::Invalid));
}

#[test]
fn a_flood_of_strangers_evicts_nobody_in_use() {
    let mut table = Neighbors::new();
    let friends = 8;
    for last in 0..friends {
        table.resolve(START, address(last));
        table.heard(START, address(last), MAC, Heard::Answer);
    }
    table.resolve(START, PEER);
    for last in 1000..9000 {
        table.heard(START, address(last), OTHER_MAC, Heard::Packet);
        table.resolve(START, address(last));
    }
    for last in 0..friends {
        assert_eq!(table.known(&address(last)), Some(MAC), "{last}");
    }
}

/// In the name of thousands that are not there: all of them are asked for, and who is there is
/// heard and asked for all the same.
#[test]
fn a_flood_of_nobodies_keeps_nobody_out() {
    let mut table = Neighbors::new();
    table.resolve(START, PEER);
    table.heard(START, PEER, MAC, Heard::Answer);
    for last in 1000..9000 {
        assert_eq!(table.resolve(START, address(last)), Resolved::Pending, "{last}");
    }
    assert_eq!(table.known(&PEER), Some(MAC), "it answered");
    let (visitor, asked) = (address(20_000), address(20_001));
    assert_eq!(table.heard(START, visitor, MAC, Heard::Packet), Verdict::Taken);
    assert_eq!(table.resolve(START, visitor), Resolved::Mac(MAC));
    assert_eq!(table.resolve(START, asked), Resolved::Pending);
    assert!(questions(&mut table, START).contains(&Question { address: asked, of: None }));
    assert_eq!(table.heard(START, asked, MAC, Heard::Answer), Verdict::Taken);
    for last in 1000..9000 {
        table.resolve(START, address(last));
    }
    assert_eq!(table.known(&asked), Some(MAC));
    // Nor do those that were asked for, and said something else than an answer.
    for last in 1000..9000 {
        table.resolve(START, address(last));
        table.heard(START, address(last), OTHER_MAC, Heard::Packet);
    }
    assert_eq!(table.heard(START, visitor, MAC, Heard::Packet), Verdict::Taken);
    // Whoever was heard of last is answered, however many come in the same moment.
    let later = START + SECOND;
    assert_eq!(table.heard(later, address(20_002), MAC, Heard::Packet), Verdict::Taken);
    for last in 1000..1100 {
        table.heard(later, address(last), MAC, Heard::Packet);
    }
    assert_eq!(table.known(&address(20_002)), Some(MAC));
}
