//! A clean conversation, and one with each rule broken.

use super::*;

const OUT: u32 = 0x8058_1040;
const IN: u32 = 0x8058_9040;
/// Added to a bulk endpoint, gives the one with the next number.
const OTHER: u32 = 1 << 11;
const SETUP: u32 = 0x6008_0008;
const DATA0: u32 = 0;
const DATA1: u32 = 0x4000_0000;
const DONE: u32 = COMPLETE | HALTED;
const COMPLETE: u32 = channel::COMPLETE;

/// HCTSIZ of whole packets of 64 bytes.
const fn packets(count: u32) -> u32 {
    (count << 19) | (count * 64)
}

/// A trace as QEMU writes it, of channel registers that behave.
#[derive(Default)]
struct Tape {
    text: String,
    registers: HashMap<u16, u32>,
}

impl Tape {
    fn read(&mut self, offset: u16, value: u32) -> &mut Self {
        self.registers.insert(offset, value);
        self.text += &format!("usb_dwc2_hreg_read   {offset:#06x} NAME  40 val {value:#010x}\n");
        self
    }

    fn write(&mut self, offset: u16, value: u32, result: u32) -> &mut Self {
        let old = self.registers.insert(offset, result).unwrap_or_default();
        self.text += &format!(
            "usb_dwc2_hreg_write  {offset:#06x} NAME  0 val {value:#010x} old {old:#010x} \
             result {result:#010x}\n"
        );
        self
    }

    fn of(channel: u16, register: u16) -> u16 {
        at::CHANNELS + channel * at::CHANNEL_STRIDE + register
    }

    fn enable(&mut self, channel: u16, character: u32, size: u32) -> &mut Self {
        self.enable_at(channel, character, size, 0xc060_0800)
    }

    fn enable_at(&mut self, channel: u16, character: u32, size: u32, dma: u32) -> &mut Self {
        self.write(Self::of(channel, at::SIZE), size, size);
        self.write(Self::of(channel, at::DMA), dma, dma);
        self.write(Self::of(channel, at::CHARACTER), character, character)
    }

    /// The channel halts, the guest sees it, reads the residue, and clears the interrupts.
    fn end(&mut self, channel: u16, interrupts: u32, residue: u32) -> &mut Self {
        *self.registers.entry(Self::of(channel, at::CHARACTER)).or_default() &= !ENABLE;
        self.read(Self::of(channel, at::INTERRUPTS), interrupts);
        self.read(Self::of(channel, at::SIZE), residue);
        self.write(Self::of(channel, at::INTERRUPTS), interrupts, 0)
    }

    /// A transfer that ends well, with this residue.
    fn transfer(&mut self, character: u32, size: u32, residue: u32) -> &mut Self {
        self.enable(1, character, size).end(1, DONE, residue)
    }

    /// A request without a data stage.
    fn plain_request(&mut self) -> &mut Self {
        self.enable(0, 0x8050_0040, SETUP).end(0, DONE, 0x6000_0000);
        let empty = DATA1 | 1 << 19;
        self.enable(0, 0x8050_8040, empty).end(0, DONE, empty)
    }

    fn findings(&self) -> Findings {
        check(self.text.as_bytes()).expect("memory can be read")
    }
}

/// A port reset, a request with data, then both ways of a bulk pair.
fn clean() -> Tape {
    let mut tape = Tape::default();
    tape.read(at::PORT, 0x1003).write(at::PORT, 0x1003, 0x1001);
    tape.write(at::PORT, 0x1101, 0x1101).write(at::PORT, 0x1001, 0x100d);
    tape.read(at::PORT, 0x100d).write(at::PORT, 0x1009, 0x1005);
    tape.enable(0, 0x8050_0040, SETUP).end(0, DONE, 0x6000_0000);
    tape.enable(0, 0x8050_8040, DATA1 | 1 << 19 | 64).end(0, DONE, DATA1 | 46);
    let empty = DATA1 | 1 << 19;
    tape.enable(0, 0x8050_0040, empty).end(0, DONE, empty);
    // Three packets, of which the second is short; then one that is empty; then two.
    tape.transfer(IN, DATA0 | packets(3), 64 + 20);
    tape.transfer(IN, DATA0 | packets(3), packets(3));
    tape.transfer(IN, DATA1 | packets(2), DATA1);
    tape.transfer(OUT, DATA0 | 1 << 19 | 60, 0);
    tape.transfer(OUT, DATA1 | 1 << 19, DATA1 | 1 << 19);
    tape
}

/// What one more step adds to the findings of a clean conversation.
fn planted(step: impl FnOnce(&mut Tape)) -> Vec<Rule> {
    let mut tape = clean();
    step(&mut tape);
    tape.findings().violations.into_iter().map(|violation| violation.rule).collect()
}

const NONE: [Rule; 0] = [];

#[test]
fn a_clean_conversation_is_clean() {
    let findings = clean().findings();
    assert_eq!(findings.violations, []);
    assert_eq!((findings.transfers, findings.toggles), (8, 5));
    assert!(findings.is_clean());
}

#[test]
fn a_trace_of_nothing_is_not_clean() {
    assert!(!Tape::default().findings().is_clean());
}

#[test]
fn a_wrong_toggle_is_found() {
    // Due are DATA1 in and DATA0 out.
    assert_eq!(planted(|tape| _ = tape.enable(1, IN, DATA1 | packets(1))), NONE);
    assert_eq!(planted(|tape| _ = tape.enable(1, IN, DATA0 | packets(1))), [Rule::Toggle]);
    assert_eq!(planted(|tape| _ = tape.enable(1, OUT, DATA1 | packets(1))), [Rule::Toggle]);
    // DATA2 and SETUP are never right.
    assert_eq!(planted(|tape| _ = tape.enable(1, OUT, 1 << 29 | packets(1))), [Rule::Toggle]);
    assert_eq!(planted(|tape| _ = tape.enable(1, OUT, 3 << 29 | packets(1))), [Rule::Toggle]);
    // A new endpoint begins with DATA0.
    assert_eq!(planted(|tape| _ = tape.enable(2, IN + OTHER, DATA1 | packets(1))), [Rule::Toggle]);
}

#[test]
fn a_request_without_data_may_reset_toggles() {
    let request_then = |size| planted(|tape| _ = tape.plain_request().enable(1, IN, size));
    assert_eq!(request_then(DATA0 | packets(1)), NONE);
    assert_eq!(request_then(DATA1 | packets(1)), NONE);
    // Once the endpoint went on, the request is no excuse any more.
    let later = planted(|tape| {
        tape.plain_request().transfer(IN, DATA1 | packets(1), DATA1);
        tape.enable(1, IN, DATA1 | packets(1));
    });
    assert_eq!(later, [Rule::Toggle]);
}

#[test]
fn a_stalled_endpoint_begins_anew_after_its_halt_was_cleared() {
    let stalled = |size| {
        planted(|tape| {
            let whole = DATA1 | packets(1);
            tape.enable(1, IN, whole).end(1, channel::STALL | HALTED, whole);
            tape.plain_request().enable(1, IN, size);
        })
    };
    assert_eq!(stalled(DATA0 | packets(1)), NONE);
    assert_eq!(stalled(DATA1 | packets(1)), [Rule::Toggle]);
}

#[test]
fn a_configured_device_begins_with_data0() {
    let configured = |size| {
        planted(|tape| {
            tape.text += "usb_set_config dev 1, config 1, ret 0\n";
            tape.enable(1, IN, size);
        })
    };
    assert_eq!(configured(DATA0 | packets(1)), NONE);
    assert_eq!(configured(DATA1 | packets(1)), [Rule::Toggle]);
}

#[test]
fn a_nak_of_an_interrupt_endpoint_moves_nothing() {
    let asked = |again| {
        planted(|tape| {
            let (interrupt, whole) = ((IN + OTHER) | (1 << 18), DATA0 | packets(1));
            tape.enable(3, interrupt, whole).end(3, channel::NAK | HALTED, whole);
            tape.enable(3, interrupt, again);
        })
    };
    assert_eq!(asked(DATA0 | packets(1)), NONE);
    assert_eq!(asked(DATA1 | packets(1)), [Rule::Toggle]);
}

#[test]
fn after_a_transaction_error_either_toggle_may_be_right() {
    for again in [DATA0, DATA1] {
        let found = planted(|tape| {
            let whole = DATA1 | packets(2);
            tape.enable(1, IN, whole).end(1, 1 << 7 | HALTED, whole);
            tape.enable(1, IN, again | packets(2));
        });
        assert_eq!(found, NONE);
    }
}

#[test]
fn a_new_device_at_an_old_address_begins_with_data0() {
    let found = planted(|tape| {
        // SET_ADDRESS, then a request to the new address, then its endpoint.
        tape.enable(0, 0x8010_0040, SETUP).end(0, DONE, 0x6000_0000);
        let empty = DATA1 | 1 << 19;
        tape.enable(0, 0x8010_8040, empty).end(0, DONE, empty);
        tape.plain_request().enable(1, IN, DATA1 | packets(1));
    });
    assert_eq!(found, [Rule::Toggle]);
}

#[test]
fn control_stages_of_the_wrong_shape_are_found() {
    let stage = |character, size| planted(|tape| _ = tape.enable(0, character, size));
    assert_eq!(stage(0x8050_0040, 0x6008_0007), [Rule::Stages], "SETUP of 7 bytes");
    assert_eq!(stage(0x8050_8040, 0x6008_0040), [Rule::Stages], "SETUP towards the host");
    let after_setup = |size| {
        planted(|tape| {
            tape.enable(0, 0x8050_0040, SETUP).end(0, DONE, 0x6000_0000);
            tape.enable(0, 0x8050_8040, size);
        })
    };
    assert_eq!(after_setup(DATA1 | packets(1)), NONE);
    assert_eq!(after_setup(DATA0 | packets(1)), [Rule::Stages]);
    let after_data = |size| {
        planted(|tape| {
            tape.enable(0, 0x8050_0040, SETUP).end(0, DONE, 0x6000_0000);
            tape.enable(0, 0x8050_8040, DATA1 | packets(1)).end(0, DONE, DATA1);
            tape.enable(0, 0x8050_0040, size);
        })
    };
    assert_eq!(after_data(DATA1 | 1 << 19), NONE);
    assert_eq!(after_data(DATA0 | 1 << 19), [Rule::Stages]);
    assert_eq!(after_data(DATA1 | packets(1)), [Rule::Stages]);
}

#[test]
fn a_wrong_packet_count_is_found() {
    let begin = |character, size| planted(|tape| _ = tape.enable(1, character, size));
    assert_eq!(begin(OUT, DATA0 | 2 << 19 | 64), [Rule::PacketCount]);
    assert_eq!(begin(OUT, DATA0 | 1 << 19 | 65), [Rule::PacketCount]);
    assert_eq!(begin(OUT, DATA0), [Rule::PacketCount], "an empty packet is a packet");
    assert_eq!(begin(IN, DATA1 | 2 << 19 | 100), [Rule::PacketCount], "half a packet in");
    assert_eq!(begin(OUT & !0x7ff, DATA0 | 1 << 19 | 1), [Rule::PacketCount], "packets of 0");
}

#[test]
fn a_transfer_that_never_completes_is_found() {
    let size = |bytes: u32| DATA0 | bytes.div_ceil(512) << 19 | bytes;
    let out = OUT & !0x7ff | 512;
    assert_eq!(planted(|tape| _ = tape.enable(1, out, size(BYTES_MAX))), NONE);
    assert_eq!(planted(|tape| _ = tape.enable(1, out, size(BYTES_MAX + 1))), [Rule::Size]);
}

#[test]
fn a_crooked_address_is_found() {
    let begin = |dma| planted(|tape| _ = tape.enable_at(1, OUT, DATA0 | packets(1), dma));
    assert_eq!(begin(0xc060_0804), NONE);
    assert_eq!(begin(0xc060_0802), [Rule::Alignment]);
}

#[test]
fn careless_writes_to_the_port_are_found() {
    // ENA written back as read; a change cleared that nobody read.
    assert_eq!(planted(|tape| _ = tape.write(at::PORT, 0x1005, 0x1001)), [Rule::PortEnable]);
    assert_eq!(planted(|tape| _ = tape.write(at::PORT, 0x1003, 0x1001)), [Rule::PortChange]);
    let read_first =
        planted(|tape| _ = tape.read(at::PORT, 0x1007).write(at::PORT, 0x1003, 0x1005));
    assert_eq!(read_first, NONE);
}

#[test]
fn a_running_channel_that_is_touched_is_found() {
    let size = DATA0 | packets(1);
    let mut tape = Tape::default();
    tape.enable(1, OUT, size).write(Tape::of(1, at::CHARACTER), OUT, OUT);
    let rules: Vec<_> = tape.findings().violations.iter().map(|found| found.rule).collect();
    assert_eq!(rules[0], Rule::Running);
    let register = |register| {
        planted(|tape| {
            tape.enable(1, OUT, size);
            tape.write(Tape::of(1, register), 0, 0);
        })
    };
    assert_eq!(register(at::SIZE), [Rule::Running]);
    assert_eq!(register(at::DMA), [Rule::Running]);
}

#[test]
fn a_cancelled_transfer_is_found_unless_its_device_is_gone() {
    let cancel = |port| {
        planted(|tape| {
            tape.enable(1, IN, DATA1 | packets(1)).read(at::PORT, port);
            tape.write(Tape::of(1, at::CHARACTER), IN | DISABLE, IN);
            tape.enable(2, OUT + OTHER, DATA0 | packets(1));
        })
    };
    assert_eq!(cancel(0x1005), [Rule::Cancel]);
    assert_eq!(cancel(0x100a), NONE);
    // Behind a hub the port stays as it is; the next device ends the excuse.
    let behind_hub = |next: fn(&mut Tape)| {
        planted(|tape| {
            tape.text += "usb_port_detach bus 0, port 1.1\n";
            next(tape);
            tape.enable(1, IN + OTHER, DATA0 | packets(1));
            tape.write(Tape::of(1, at::CHARACTER), IN | DISABLE, IN);
            tape.enable(2, OUT + OTHER, DATA0 | packets(1));
        })
    };
    assert_eq!(behind_hub(|_| ()), NONE);
    let addressed = |tape: &mut Tape| {
        tape.enable(0, 0x8010_0040, SETUP).end(0, DONE, 0x6000_0000);
        let empty = DATA1 | 1 << 19;
        tape.enable(0, 0x8010_8040, empty).end(0, DONE, empty);
    };
    assert_eq!(behind_hub(addressed), [Rule::Cancel]);
}

#[test]
fn the_whole_core_may_be_brought_to_rest() {
    let found = planted(|tape| {
        tape.enable(1, IN, DATA1 | packets(1));
        tape.write(Tape::of(1, at::CHARACTER), IN | DISABLE, IN);
        tape.write(at::RESET_CONTROL, 1, 0x8000_0001);
        tape.enable(2, OUT + OTHER, DATA0 | packets(1));
    });
    assert_eq!(found, NONE);
}

#[test]
fn interrupts_left_from_the_transfer_before_are_found() {
    let found = planted(|tape| {
        tape.enable(1, OUT, DATA0 | packets(1)).end(1, DONE, 0);
        tape.read(Tape::of(1, at::INTERRUPTS), DONE);
        tape.enable(1, OUT, DATA1 | packets(1));
    });
    assert_eq!(found, [Rule::Interrupts]);
}

#[test]
fn a_report_says_where_what_and_why_and_stays_short() {
    let mut tape = clean();
    for _ in 0..=VIOLATIONS_KEPT_MAX {
        tape.write(at::PORT, 0x1005, 0x1001);
    }
    let findings = tape.findings();
    assert_eq!(findings.violations.len(), VIOLATIONS_KEPT_MAX);
    assert_eq!(findings.counts[&Rule::PortEnable], VIOLATIONS_KEPT_MAX as u64 + 1);
    let text = findings.to_string();
    let first = clean().text.lines().count() + 1;
    assert!(text.starts_with(&format!("{first}: port-enable: HPRT written with 0x00001005\n")));
    assert!(text.ends_with("5 toggles checked, 101 violations"), "{text}");
}

/// The least that breaks each rule; a rule that is added has to be here to compile.
fn break_rule(rule: Rule, tape: &mut Tape) {
    let (size, character) = (DATA0 | packets(1), Tape::of(1, at::CHARACTER));
    match rule {
        Rule::Toggle => tape.enable(1, OUT, DATA1 | packets(1)),
        Rule::Stages => tape.enable(0, 0x8050_0040, 0x6008_0007),
        Rule::PacketCount => tape.enable(1, OUT, DATA0 | 2 << 19 | 64),
        Rule::Size => {
            let bytes = BYTES_MAX + 1;
            tape.enable(1, OUT & !0x7ff | 512, DATA0 | bytes.div_ceil(512) << 19 | bytes)
        }
        Rule::Alignment => tape.enable_at(1, OUT, size, 0xc060_0802),
        Rule::PortEnable => tape.write(at::PORT, 0x1005, 0x1001),
        Rule::PortChange => tape.write(at::PORT, 0x1003, 0x1001),
        Rule::Running => tape.enable(1, OUT, size).write(Tape::of(1, at::DMA), 0, 0),
        Rule::Cancel => {
            tape.enable(1, OUT, size).write(character, OUT | DISABLE, OUT);
            tape.enable(2, OUT + OTHER, size)
        }
        Rule::Interrupts => {
            tape.enable(1, OUT, size).end(1, DONE, 0).read(Tape::of(1, at::INTERRUPTS), DONE);
            tape.enable(1, OUT, DATA1 | packets(1))
        }
    };
}

#[test]
fn every_rule_is_found_when_broken_and_no_other_is_blamed() {
    for rule in Rule::ALL {
        assert_eq!(planted(|tape| break_rule(rule, tape)), [rule]);
    }
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let mut names = Rule::ALL.map(Rule::name).to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Rule::ALL.len());
    assert!(Rule::ALL.iter().all(|rule| rule.reason().len() > 30));
}

#[test]
fn a_core_reset_stops_the_channels() {
    let found = planted(|tape| {
        tape.enable(1, IN, DATA1 | packets(1));
        tape.registers.insert(Tape::of(1, at::CHARACTER), 0);
        tape.write(at::RESET_CONTROL, 1, 0x8000_0001);
        tape.write(Tape::of(1, at::SIZE), 0, 0);
    });
    assert_eq!(found, NONE);
}
