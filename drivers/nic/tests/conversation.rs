//! The network interface over the real host controller driver, against models of the chip, the bus
//! and its devices, in virtual time. Every test ends with the model's list of broken rules, which
//! must be empty.

#[path = "conversation/bounds.rs"]
mod bounds;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use models::cdc_ecm::CdcEcm;
use models::clock::VirtualClock;
use models::dwc2::{Dwc2 as Chip, Mode};
use models::faults::{Fault, Faults, Rule, TokenKind};
use models::hub::Hub;
use models::lies::Lie;
use models::memory;
use models::usb::Plug;
use nic::{Config, Driver, Link, Nic, NicEvent, Reason};
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;

/// What the models' adapters say is our address.
const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
/// Long enough for every walk of a bus in these tests, retries included.
const LONG: Duration = Duration::from_secs(20);

struct Bench {
    chip: Chip,
    clock: VirtualClock,
    nic: Nic<dwc2::Dwc2<Chip>>,
    told: Vec<NicEvent>,
}

impl Bench {
    fn new(mode: Mode) -> Self {
        let mut clock = VirtualClock::new();
        clock.set_step(Duration::from_micros(20));
        let (pool, memory) = memory::region(160 * 1024);
        let chip = Chip::new(mode, &clock, memory);
        let host = dwc2::Dwc2::new(chip.clone(), pool, &mut clock).expect("a DWC2");
        let nic = Nic::new(host, Config::default()).expect("room for the buffers");
        Self { chip, clock, nic, told: Vec::new() }
    }

    /// A bench with this in the root port.
    fn with(mode: Mode, plug: Plug) -> Self {
        let bench = Self::new(mode);
        bench.chip.attach(plug);
        bench
    }

    /// One turn of a main loop, without a stack.
    fn turn(&mut self) {
        let now = self.clock.peek();
        while let Some(event) = self.nic.poll(now, &mut self.clock) {
            self.told.push(event);
        }
        // Asleep until the interrupt or the deadline; 1 ms at most, so that tests see frames soon.
        let end = self.nic.next_deadline().min(now + Duration::from_millis(1));
        loop {
            self.clock.advance(Duration::from_micros(10));
            if self.chip.interrupt() || self.clock.peek() >= end {
                break;
            }
        }
    }

    /// Turns until an event comes that `wanted` accepts.
    fn until(&mut self, what: &str, wanted: impl Fn(&NicEvent) -> bool) -> NicEvent {
        let from = self.told.len();
        let end = self.clock.peek() + LONG;
        while self.clock.peek() < end {
            self.turn();
            if let Some(event) = self.told[from..].iter().find(|event| wanted(event)) {
                return event.clone();
            }
        }
        let violations = self.chip.violations();
        panic!("{what}: not told; but {:?}; broken: {violations:?}", &self.told[from..]);
    }

    fn until_found(&mut self) -> String {
        let event = self.until("found", |event| matches!(event, NicEvent::Found { .. }));
        let NicEvent::Found { driver, mac, topology } = event else { unreachable!() };
        assert_eq!((driver, mac), (Driver::Ecm, MAC));
        topology.to_string()
    }

    fn run(&mut self, time: Duration) {
        let end = self.clock.peek() + time;
        while self.clock.peek() < end {
            self.turn();
        }
    }

    /// The next received frame, within 100 ms.
    fn receive(&mut self) -> Option<Vec<u8>> {
        let end = self.clock.peek() + Duration::from_millis(100);
        while self.clock.peek() < end {
            self.turn();
            if let Some((rx, _)) = self.nic.receive(Instant::ZERO) {
                return Some(rx.consume(<[u8]>::to_vec));
            }
        }
        None
    }

    fn send(&mut self, frame: &[u8]) -> bool {
        let token = self.nic.transmit(Instant::ZERO);
        token.map(|tx| tx.consume(frame.len(), |out| out.copy_from_slice(frame))).is_some()
    }

    fn no_rule_broken(&self) {
        assert_eq!(self.chip.violations(), []);
    }
}

/// A frame of `bytes` that no other length or number repeats.
fn frame(bytes: usize, number: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 7 + bytes + number * 13) as u8).collect()
}

/// Frames of these lengths go both ways, unchanged and in order.
fn exchange(bench: &mut Bench, adapter: &Rc<RefCell<CdcEcm>>, lengths: &[usize]) {
    for (number, &bytes) in lengths.iter().enumerate() {
        let down = frame(bytes, number);
        adapter.borrow_mut().function().send(&down);
        assert_eq!(bench.receive(), Some(down), "{bytes} bytes in");
        let up = frame(bytes, number + 1000);
        assert!(bench.send(&up), "no room for {bytes} bytes");
        bench.run(Duration::from_millis(20));
        assert_eq!(adapter.borrow_mut().function().received(), Some(up), "{bytes} bytes out");
    }
}

/// What the adapter still had from before goes both ways, and is forgotten.
fn drain(bench: &mut Bench, adapter: &Rc<RefCell<CdcEcm>>) {
    while bench.receive().is_some() {}
    while adapter.borrow_mut().function().received().is_some() {}
}

const LENGTHS: [usize; 10] = [14, 60, 63, 64, 65, 128, 511, 512, 1024, 1514];

fn finds_and_exchanges(mode: Mode, plug: Plug, adapter: &Rc<RefCell<CdcEcm>>, topology: &str) {
    let mut bench = Bench::with(mode, plug);
    assert_eq!(bench.until_found(), topology);
    assert!(bench.nic.link().is_up());
    exchange(&mut bench, adapter, &LENGTHS);
    let counters = bench.nic.counters();
    assert_eq!(counters.transfers_in, LENGTHS.len() as u64);
    assert_eq!(counters.transfers_out, LENGTHS.len() as u64);
    assert_eq!((counters.receive_errors, counters.send_errors), (0, 0));
    bench.no_rule_broken();
}

fn behind(hub: Hub, port: u8, plug: Plug) -> Rc<RefCell<Hub>> {
    let hub = hub.share();
    hub.borrow_mut().attach(port, plug);
    hub
}

#[test]
fn an_adapter_on_the_root_port() {
    for mode in [Mode::Hardware, Mode::Qemu] {
        let adapter = CdcEcm::qemu().share();
        finds_and_exchanges(mode, adapter.clone(), &adapter, "1:(0525:a4a2)");
    }
}

#[test]
fn a_high_speed_adapter_on_the_root_port() {
    for mode in [Mode::Hardware, Mode::Qemu] {
        let adapter = CdcEcm::dongle().share();
        finds_and_exchanges(mode, adapter.clone(), &adapter, "1:(0525:a4a2)");
    }
}

#[test]
fn an_adapter_behind_a_full_speed_hub() {
    for mode in [Mode::Hardware, Mode::Qemu] {
        let adapter = CdcEcm::qemu().share();
        let hub = behind(Hub::full_speed(), 3, adapter.clone());
        finds_and_exchanges(mode, hub, &adapter, "1:(0409:55aa 3:(0525:a4a2))");
    }
}

#[test]
fn an_adapter_behind_two_high_speed_hubs() {
    let adapter = CdcEcm::dongle().share();
    let inner = behind(Hub::lan9514(), 2, adapter.clone());
    let outer = behind(Hub::lan9514(), 5, inner);
    let topology = "1:(0424:9514 5:(0424:9514 2:(0525:a4a2)))";
    finds_and_exchanges(Mode::Hardware, outer, &adapter, topology);
}

#[test]
fn a_full_speed_device_behind_a_high_speed_hub_is_skipped_and_the_others_work() {
    let adapter = CdcEcm::dongle().share();
    let hub = behind(Hub::lan9514(), 1, CdcEcm::qemu().share());
    hub.borrow_mut().attach(2, adapter.clone());
    let mut bench = Bench::with(Mode::Hardware, hub);
    assert_eq!(bench.until_found(), "1:(0424:9514 1:(split) 2:(0525:a4a2))");
    exchange(&mut bench, &adapter, &[60, 1514]);
    bench.no_rule_broken();
}

#[test]
fn unplugged_and_plugged_in_again_a_hundred_times_without_a_lost_buffer() {
    for mode in [Mode::Hardware, Mode::Qemu] {
        let adapter = CdcEcm::qemu().share();
        let mut bench = Bench::with(mode, adapter.clone());
        for round in 0..100 {
            bench.until_found();
            // Something is under way in both directions when the cable goes.
            assert!(bench.send(&frame(1514, round)));
            adapter.borrow_mut().function().send(&frame(700, round));
            bench.chip.detach();
            let lost = bench.until("lost", |event| matches!(event, NicEvent::Lost(_)));
            assert_eq!(lost, NicEvent::Lost(Reason::Unplugged));
            assert_eq!(bench.nic.link(), Link::Down);
            assert!(bench.nic.transmit(Instant::ZERO).is_none());
            assert!(bench.nic.receive(Instant::ZERO).is_none());
            bench.chip.attach(adapter.clone());
        }
        bench.until_found();
        drain(&mut bench, &adapter);
        exchange(&mut bench, &adapter, &[60, 64, 1514]);
        bench.no_rule_broken();
    }
}

#[test]
fn unplugged_behind_a_hub_is_noticed_and_another_port_works() {
    for mode in [Mode::Hardware, Mode::Qemu] {
        let adapter = CdcEcm::qemu().share();
        let hub = behind(Hub::full_speed(), 1, adapter.clone());
        let mut bench = Bench::with(mode, hub.clone());
        bench.until_found();
        hub.borrow_mut().detach(1);
        bench.until("lost", |event| matches!(event, NicEvent::Lost(_)));
        bench.run(Duration::from_secs(2));
        hub.borrow_mut().attach(4, adapter.clone());
        assert_eq!(bench.until_found(), "1:(0409:55aa 4:(0525:a4a2))");
        exchange(&mut bench, &adapter, &[60, 1514]);
        bench.no_rule_broken();
    }
}

#[test]
fn the_cable_of_the_adapter() {
    let adapter = CdcEcm::dongle().share();
    let mut bench = Bench::with(Mode::Hardware, adapter.clone());
    bench.until_found();
    adapter.borrow_mut().function().set_link(false);
    bench.until("down", |event| *event == NicEvent::Link(Link::Down));
    adapter.borrow_mut().function().set_link(true);
    bench.until("up", |event| matches!(event, NicEvent::Link(Link::Up { .. })));
    exchange(&mut bench, &adapter, &[60]);
    bench.no_rule_broken();
}

#[test]
fn a_halted_endpoint_is_brought_back() {
    for token in [TokenKind::In, TokenKind::Out] {
        let adapter = CdcEcm::qemu().share();
        let mut bench = Bench::with(Mode::Hardware, adapter.clone());
        bench.until_found();
        let endpoint = 2;
        let rule = Rule { endpoint, token, after: 0, times: 1, fault: Fault::Stall };
        bench.chip.set_faults(Faults::script(&[rule]));
        bench.send(&frame(100, 1));
        bench.run(Duration::from_millis(100));
        assert_eq!(bench.nic.counters().recoveries, 1, "{token:?}: {:?}", bench.nic.counters());
        drain(&mut bench, &adapter);
        exchange(&mut bench, &adapter, &[60, 1514]);
        bench.no_rule_broken();
    }
}

#[test]
fn a_device_that_only_fails_is_given_up_and_tried_again_ever_more_rarely() {
    let adapter = CdcEcm::qemu().share();
    let mut bench = Bench::with(Mode::Hardware, adapter.clone());
    bench.until_found();
    let rule = Rule {
        endpoint: 2,
        token: TokenKind::In,
        after: 0,
        times: u32::MAX,
        fault: Fault::Silence,
    };
    bench.chip.set_faults(Faults::script(&[rule]));
    let lost = bench.until("lost", |event| matches!(event, NicEvent::Lost(_)));
    assert!(matches!(lost, NicEvent::Lost(Reason::Ecm(cdc_ecm::Lost::Receive(_)))), "{lost:?}");
    bench.run(Duration::from_secs(10));
    let found = bench.told.iter().filter(|e| matches!(e, NicEvent::Found { .. })).count();
    // Rests of 0.1, 0.2, 0.4 ... s: six or seven walks in ten seconds, not fifty.
    assert!((3..=9).contains(&found), "{found} times");
    bench.chip.set_faults(Faults::none());
    bench.until_found();
    exchange(&mut bench, &adapter, &[60]);
    bench.no_rule_broken();
}

#[test]
fn more_frames_than_buffers_wait_their_turn() {
    let adapter = CdcEcm::qemu().share();
    let mut bench = Bench::with(Mode::Hardware, adapter.clone());
    bench.until_found();
    let mut sent = 0;
    let mut heard = Vec::new();
    while heard.len() < 100 {
        if sent < 100 && bench.send(&frame(200, sent)) {
            sent += 1;
        } else {
            bench.turn();
        }
        while let Some(frame) = adapter.borrow_mut().function().received() {
            heard.push(frame);
        }
    }
    assert!(heard.into_iter().eq((0..100).map(|number| frame(200, number))));
    assert!(bench.nic.counters().send_busy > 0);
    bench.no_rule_broken();
}

#[test]
fn a_liar_is_refused_by_name_or_works_and_never_stops_us() {
    for lie in Lie::ALL {
        let adapter = CdcEcm::qemu().lying(lie).share();
        let mut bench = Bench::with(Mode::Hardware, adapter.clone());
        let told = bench.until("an outcome", |event| {
            matches!(event, NicEvent::Found { .. } | NicEvent::Note(_))
        });
        // What these two say wrongly is nothing that anybody needs.
        let harmless = matches!(lie, Lie::ManyConfigurations | Lie::ManyInterfaces);
        assert_eq!(matches!(told, NicEvent::Found { .. }), harmless, "{lie:?}: {told:?}");
        // An honest one takes its place.
        bench.chip.detach();
        bench.run(Duration::from_secs(1));
        let honest = CdcEcm::qemu().share();
        bench.chip.attach(honest.clone());
        bench.until_found();
        exchange(&mut bench, &honest, &[60]);
        bench.no_rule_broken();
    }
}

#[test]
fn a_port_that_disables_itself_is_reset_and_used_again() {
    let adapter = CdcEcm::qemu().share();
    let mut bench = Bench::with(Mode::Hardware, adapter.clone());
    for number in 0..10 {
        bench.until_found();
        assert!(bench.send(&frame(1514, number)));
        bench.chip.drop_port();
        let lost = bench.until("lost", |event| matches!(event, NicEvent::Lost(_)));
        assert!(matches!(lost, NicEvent::Lost(_)));
    }
    bench.until_found();
    drain(&mut bench, &adapter);
    exchange(&mut bench, &adapter, &[60, 1514]);
    bench.no_rule_broken();
}

#[test]
fn an_empty_port_and_a_bus_without_ethernet() {
    let mut bench = Bench::new(Mode::Hardware);
    bench.run(Duration::from_secs(1));
    assert_eq!(bench.told, []);
    // A hub with nothing in it, into which an adapter is plugged later.
    let hub = Hub::lan9514().share();
    bench.chip.attach(hub.clone());
    let note = bench.until("a note", |event| matches!(event, NicEvent::Note(_)));
    assert_eq!(format!("{note:?}"), r#"Note("no Ethernet device on USB: 1:(0424:9514)")"#);
    bench.run(Duration::from_secs(2));
    assert_eq!(bench.told.len(), 1, "told once");
    let adapter = CdcEcm::dongle().share();
    hub.borrow_mut().attach(5, adapter.clone());
    assert_eq!(bench.until_found(), "1:(0424:9514 5:(0525:a4a2))");
    exchange(&mut bench, &adapter, &[60]);
    bench.no_rule_broken();
}

#[test]
fn dice() {
    let faults = [
        Fault::Nak,
        Fault::Silence,
        Fault::AnswerLost,
        Fault::AckLost,
        Fault::Stall,
        Fault::Babble,
    ];
    for seed in 0..20 {
        let adapter = CdcEcm::dongle().share();
        let hub = behind(Hub::lan9514(), 1, adapter.clone());
        let mut bench = Bench::with(Mode::Hardware, hub);
        bench.chip.set_faults(Faults::seeded(seed, 20, &faults));
        for number in 0..200 {
            adapter.borrow_mut().function().send(&frame(300, number));
            bench.receive();
            bench.send(&frame(300, number));
        }
        bench.chip.set_faults(Faults::none());
        // Whatever it was in, it comes out of it: of the longest rest, too.
        let end = bench.clock.peek() + Duration::from_secs(60);
        while bench.nic.driver().is_none() {
            assert!(bench.clock.peek() < end, "seed {seed}: {:?}", bench.told.last());
            bench.turn();
        }
        // Requests that were under way when it was found may still fail.
        bench.run(Duration::from_secs(1));
        drain(&mut bench, &adapter);
        exchange(&mut bench, &adapter, &[60, 512, 1514]);
        bench.no_rule_broken();
    }
}
