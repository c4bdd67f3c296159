//! The chip behind the seam: announced as a Pi's is, and spoken to in whole transfers.

use super::*;
use crate::message::speed;
use crate::survey;

const NOW: Duration = Duration::ZERO;

fn chip(speed: Speed) -> Lan9514 {
    Lan9514::new(Settings::default(), speed)
}

fn configured() -> Lan9514 {
    let mut chip = chip(Speed::High);
    let setup = Setup { request: 9, value: 1, ..Setup::default() };
    assert_eq!(chip.control(NOW, &setup, &[]), Ok(Vec::new()));
    chip
}

fn read(chip: &mut Lan9514, register: u16) -> Result<Vec<u8>, Refusal> {
    let (request_type, request) = (0xc0, 0xa1);
    let setup = Setup { request_type, request, value: 0, index: register, length: 4 };
    chip.control(NOW, &setup, &[])
}

#[test]
fn it_is_announced_as_on_a_pi() {
    let tables = |chip: &mut Lan9514| {
        let identity = survey::identity(chip, NOW);
        let (interfaces, endpoints) = survey::tables(chip, NOW, 1, &[0; survey::INTERFACES_MAX]);
        assert_eq!((identity.vendor, identity.product), (0x0424, 0xec00));
        assert_eq!((interfaces.count, interfaces.class[0]), (1, 0xff));
        assert_eq!([17, 2, 19].map(|row| endpoints.kind[row]), [2, 2, 3]);
        assert_ne!(endpoints.interval[19], 0);
        (identity.speed, [17, 2].map(|row: usize| endpoints.max_packet[row]))
    };
    assert_eq!(tables(&mut chip(Speed::High)), (speed::HIGH, [512; 2]));
    assert_eq!(tables(&mut chip(Speed::Full)), (speed::FULL, [64; 2]));
}

#[test]
fn registers_are_read_and_an_empty_fifo_answers_with_an_empty_packet() {
    let mut chip = configured();
    // ID_REV: EC00, revision 2, as in a Pi's log.
    assert_eq!(read(&mut chip, 0), Ok(vec![2, 0, 0, 0xec]));
    // HW_CFG.BIR is 0 after reset.
    assert_eq!(chip.bulk_in(NOW, 0x81, 512), Inward::Data(Vec::new()));
    assert_eq!(chip.bulk_in(NOW, 0x84, 512), Inward::Refused(Refusal::NoEndpoint));
    assert_eq!(chip.bulk_out(NOW, 0x03, &[0; 8]), Outward::Refused(Refusal::NoEndpoint));
    let setup = Setup { request_type: 0xc0, request: 0x33, ..Setup::default() };
    assert_eq!(chip.control(NOW, &setup, &[]), Err(Refusal::Stall));
}

#[test]
fn faults_are_planted_by_name_and_nonsense_is_refused() {
    let mut chip = configured();
    for line in ["drop-write after=1 times=2", "nak-storm=5", "halt-in", "short-in=7", "none"] {
        let words: Vec<_> = line.split(' ').collect();
        assert_eq!(chip.fault(NOW, &words), Ok(String::new()), "{line}");
    }
    assert_eq!(chip.fault(NOW, &["seed=1", "per-mille=5", "unplug", "stall-out"]), Ok("".into()));
    for line in ["", "fire", "nak-storm", "nak-storm=many", "unplug=1", "seed=1", "after=1"] {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(chip.fault(NOW, &words), Err(FAULTS.into()), "{line:?}");
    }
    chip.fault(NOW, &["halt-in"]).expect("planted");
    assert_eq!(chip.bulk_in(NOW, 0x81, 512), Inward::Refused(Refusal::Stall));
    assert!(chip.statistics().contains("link=false fifo_bytes=0 troubles=0 received=0 "));
}

#[test]
fn a_fault_can_pull_the_plug_and_power_brings_the_chip_back() {
    let mut chip = configured();
    chip.faults.push(Rule {
        endpoint: 1,
        token: TokenKind::In,
        after: 0,
        times: 1,
        fault: Fault::Unplug,
    });
    chip.transfers.set_faults(Faults::script(&chip.faults));
    assert_eq!(chip.bulk_in(NOW, 0x81, 512), Inward::Pending);
    assert!(chip.has_left());
    assert_eq!(read(&mut chip, 0), Err(Refusal::Error));
    chip.power_on(NOW);
    assert!(!chip.has_left());
    assert_eq!(read(&mut chip, 0), Ok(vec![2, 0, 0, 0xec]));
}
