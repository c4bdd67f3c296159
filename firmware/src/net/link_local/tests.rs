//! One machine, two with the same wish, twenty: on a wire in virtual time.

use std::collections::BTreeSet;
use std::vec::Vec;

use super::*;

const LIMIT: Duration = Duration::from_secs(600);

fn mac(last: u8) -> EthernetAddress {
    EthernetAddress([0xB8, 0x27, 0xEB, 0, 0, last])
}

/// A machine on the wire: what it asks to be done is done at once, and all others hear it.
struct Machine {
    local: LinkLocal,
    random: u32,
    held: Option<Ipv4Address>,
    due: Option<Duration>,
    log: Vec<(Duration, Action)>,
}

impl Machine {
    fn new(local: LinkLocal, seed: u32) -> Self {
        let due = Some(Duration::ZERO);
        Self { local, random: seed, held: None, due, log: Vec::new() }
    }

    fn poll(&mut self, now: Duration) -> Action {
        let random = &mut self.random;
        let action = self.local.poll(now, || {
            *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *random
        });
        match action {
            Action::Wait { until } => {
                assert!(until.is_none_or(|until| until > now), "a deadline in the past");
                self.due = until;
            }
            Action::Claim(address) => self.held = Some(address),
            _ => {}
        }
        if !matches!(action, Action::Wait { .. }) {
            self.log.push((now, action));
        }
        action
    }

    /// Hears an ARP packet; returns its answer to a probe for the address it holds.
    fn hear(
        &mut self,
        now: Duration,
        address: Ipv4Address,
        by: EthernetAddress,
        claimed: bool,
    ) -> bool {
        if self.held == Some(address) && !claimed {
            return true;
        }
        if self.local.heard(now, address, by, claimed) {
            self.held = None;
        }
        self.due = Some(now);
        false
    }
}

/// Runs machines on one wire until all of them wait for nothing.
fn run(machines: &mut [Machine]) -> Duration {
    let mut now = Duration::ZERO;
    while let Some(due) = machines.iter().filter_map(|machine| machine.due).min() {
        now = now.max(due);
        assert!(now < LIMIT, "they never settle");
        for speaker in 0..machines.len() {
            if machines[speaker].due.is_none_or(|due| due > now) {
                continue;
            }
            let action = machines[speaker].poll(now);
            let (address, claimed) = match action {
                Action::Probe(address) => (address, false),
                Action::Announce(address) => (address, true),
                _ => continue,
            };
            let by = machines[speaker].local.mac;
            for listener in (0..machines.len()).filter(|&other| other != speaker) {
                let answers = machines[listener].hear(now, address, by, claimed);
                let from = machines[listener].local.mac;
                if answers {
                    machines[speaker].hear(now, address, from, true);
                }
            }
        }
    }
    now
}

#[test]
fn alone_it_takes_the_first_candidate_in_the_time_the_rfc_gives() {
    let local = LinkLocal::new(mac(1), 7);
    let wanted = local.candidate();
    let mut machines = [Machine::new(local, 7)];
    run(&mut machines);
    let [machine] = &machines;
    let actions: Vec<_> = machine.log.iter().map(|(_, action)| *action).collect();
    assert_eq!(
        actions,
        [
            Action::Probe(wanted),
            Action::Probe(wanted),
            Action::Probe(wanted),
            Action::Claim(wanted),
            Action::Announce(wanted),
            Action::Announce(wanted),
        ]
    );
    let at: Vec<_> = machine.log.iter().map(|(at, _)| *at).collect();
    assert!(at[0] <= PROBE_WAIT);
    assert!((PROBE_MIN..=PROBE_MAX).contains(&(at[1] - at[0])));
    assert!((PROBE_MIN..=PROBE_MAX).contains(&(at[2] - at[1])));
    assert_eq!(at[3] - at[2], ANNOUNCE_WAIT);
    assert_eq!(at[4], at[3]);
    assert_eq!(at[5] - at[4], ANNOUNCE_INTERVAL);
}

#[test]
fn machines_that_want_the_same_address_end_with_different_ones() {
    // A number for the second machine that leads to the first one's candidate.
    let first = LinkLocal::new(mac(1), 7);
    let equal = (0..).find(|&seed| candidate(mac(2), seed) == first.candidate()).unwrap();
    let second = LinkLocal::new(mac(2), equal);
    assert_eq!(first.candidate(), second.candidate());
    // The same random numbers for both: they probe at the same moments.
    for delay in [
        Duration::ZERO,
        Duration::from_millis(1500),
        Duration::from_secs(4),
        Duration::from_secs(20),
    ] {
        let mut machines = [Machine::new(first.clone(), 7), Machine::new(second.clone(), 7)];
        machines[1].due = Some(delay);
        run(&mut machines);
        let held: Vec<_> = machines.iter().map(|machine| machine.held.unwrap()).collect();
        assert_ne!(held[0], held[1], "second started {delay:?} later");
        assert!(held.iter().all(|address| address.is_link_local()));
    }
}

#[test]
fn twenty_machines_settle() {
    let mut machines: Vec<_> =
        (0..20).map(|last| Machine::new(LinkLocal::new(mac(last), 7), 7)).collect();
    run(&mut machines);
    let held: BTreeSet<_> = machines.iter().map(|machine| machine.held.unwrap()).collect();
    assert_eq!(held.len(), 20);
}

#[test]
fn an_address_is_defended_once_in_ten_seconds() {
    let mut machines = [Machine::new(LinkLocal::new(mac(1), 7), 7)];
    let now = run(&mut machines);
    let [machine] = &mut machines;
    let ours = machine.held.unwrap();
    let rival = mac(9);
    // Our own frames, other addresses and probes are no conflict.
    assert!(!machine.local.heard(now, ours, mac(1), true));
    assert!(!machine.local.heard(now, Ipv4Address::new(169, 254, 0, 1), rival, true));
    assert!(!machine.local.heard(now, ours, rival, false));
    assert_eq!(machine.poll(now), Action::Wait { until: None });
    // The first conflict is answered, and one after ten seconds again.
    for now in [now, now + DEFEND_INTERVAL] {
        assert!(!machine.local.heard(now, ours, rival, true));
        assert_eq!(machine.poll(now), Action::Announce(ours));
        assert_eq!(machine.poll(now), Action::Wait { until: None });
    }
    // The next within ten seconds ends it.
    let later = now + DEFEND_INTERVAL * 2 - Duration::from_millis(1);
    assert!(machine.local.heard(later, ours, rival, true));
    assert!(matches!(machine.poll(later), Action::Wait { until: Some(_) }));
    assert_ne!(machine.local.candidate(), ours);
}

#[test]
fn after_ten_conflicts_candidates_come_one_a_minute() {
    let mut machine = Machine::new(LinkLocal::new(mac(1), 7), 7);
    let mut now = Duration::ZERO;
    for conflict in 1..=MAX_CONFLICTS + 3 {
        machine.poll(now);
        let wanted = machine.local.candidate();
        assert!(machine.local.heard(now, wanted, mac(9), true));
        let Action::Wait { until: Some(until) } = machine.poll(now) else { panic!() };
        assert_ne!(machine.local.candidate(), wanted);
        if conflict > MAX_CONFLICTS {
            assert_eq!(until - now, RATE_LIMIT_INTERVAL);
        } else {
            assert!(until - now <= PROBE_WAIT);
        }
        now = until;
    }
}

#[test]
fn candidates_stay_in_their_range() {
    let (first, last) = (Ipv4Address::new(169, 254, 1, 0), Ipv4Address::new(169, 254, 254, 255));
    let all: BTreeSet<_> = (0..10_000).map(|seed| candidate(mac(1), seed)).collect();
    assert!(all.iter().all(|address| (first..=last).contains(address)));
    assert!(all.len() > 9_000, "well spread: {}", all.len());
    assert_ne!(candidate(mac(1), 7), candidate(mac(2), 7));
}

#[test]
fn the_frames_are_what_the_rfcs_draw() {
    let ours = Ipv4Address::new(169, 254, 7, 7);
    let read = |bytes: [u8; ARP_FRAME_BYTES]| {
        let frame = EthernetFrame::new_checked(&bytes[..]).unwrap();
        assert_eq!(frame.ethertype(), EthernetProtocol::Arp);
        assert_eq!(frame.src_addr(), mac(1));
        let arp = ArpPacket::new_checked(frame.payload()).unwrap();
        (frame.dst_addr(), ArpRepr::parse(&arp).unwrap())
    };
    let (to, arp) = read(probe(mac(1), ours));
    assert_eq!(to, EthernetAddress::BROADCAST);
    assert_eq!(
        arp,
        ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: mac(1),
            source_protocol_addr: Ipv4Address::UNSPECIFIED,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: ours,
        }
    );
    let (to, arp) = read(announcement(mac(1), ours));
    assert_eq!(to, EthernetAddress::BROADCAST);
    let ArpRepr::EthernetIpv4 { source_protocol_addr, target_protocol_addr, .. } = arp else {
        panic!();
    };
    assert_eq!((source_protocol_addr, target_protocol_addr), (ours, ours));
    assert_eq!(read(reply(mac(1), ours, mac(9))).0, EthernetAddress::BROADCAST);
    assert_eq!(read(reply(mac(1), Ipv4Address::new(10, 0, 0, 1), mac(9))).0, mac(9));
}
