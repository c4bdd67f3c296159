//! Conversations with a firmware that answers truly, not at all, or with lies.
//!
//! The firmware sees memory only through the cache maintenance of `dma`: it has a copy, which a
//! clean fills and an invalidate brings back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bcm2837::mailbox::{ClockId, Error, Mailbox, Memory, PowerDevice, Tag};
use mmio::{Clock, Registers};
use proptest::prelude::*;

const BUS: u32 = 0xc010_0000;

/// The firmware's view of the buffer.
#[derive(Default)]
struct FirmwareView(Mutex<Vec<u8>>);

impl dma::Coherence for FirmwareView {
    fn clean(&self, bus: u32, lines: &[u8]) {
        assert_eq!(bus, BUS);
        *self.0.lock().unwrap() = lines.to_vec();
    }
    fn invalidate(&self, bus: u32, lines: &mut [u8]) {
        assert_eq!(bus, BUS);
        lines.copy_from_slice(&self.0.lock().unwrap()[..lines.len()]);
    }
}

/// What the firmware does to a message.
type Script = Arc<dyn Fn(&mut [u8]) -> bool + Send + Sync>;

/// The mailbox registers: an answer, if the script gives one, preceded by a stale one.
struct Firmware {
    view: &'static FirmwareView,
    script: Script,
    answers: Vec<u32>,
}

impl Registers for Firmware {
    fn read_raw(&mut self, offset: usize) -> u32 {
        match offset {
            0x00 => self.answers.remove(0),
            0x18 => u32::from(self.answers.is_empty()) << 30,
            0x38 => 0,
            _ => panic!("read of {offset:#x}"),
        }
    }
    fn write_raw(&mut self, offset: usize, value: u32) {
        assert_eq!((offset, value), (0x20, BUS | 8));
        self.answers.push(0x1234_5671);
        if (self.script)(&mut self.view.0.lock().unwrap()) {
            self.answers.push(value);
        }
    }
}

struct Ticks(Duration);

impl Clock for Ticks {
    fn now(&mut self) -> Duration {
        self.0 += Duration::from_millis(10);
        self.0
    }
}

fn mailbox(script: impl Fn(&mut [u8]) -> bool + Send + Sync + 'static) -> Mailbox<Firmware> {
    mailbox_of(2048, script)
}

fn mailbox_of(
    bytes: usize,
    script: impl Fn(&mut [u8]) -> bool + Send + Sync + 'static,
) -> Mailbox<Firmware> {
    let view: &'static FirmwareView = Box::leak(Box::default());
    let region = vec![0xee; bytes + 64].leak();
    let skip = region.as_ptr().align_offset(64);
    let mut pool = dma::Pool::new(&mut region[skip..skip + bytes], BUS, view);
    let buffer = pool.take(bytes).unwrap();
    Mailbox::new(Firmware { view, script: Arc::new(script), answers: Vec::new() }, buffer)
}

fn clock() -> Ticks {
    Ticks(Duration::ZERO)
}

fn words(message: &[u8]) -> Vec<u32> {
    message.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

/// A firmware that answers every tag with `value`, claiming `claimed` bytes.
fn answering(
    value: &'static [u8],
    claimed: u32,
) -> impl Fn(&mut [u8]) -> bool + Send + Sync + 'static {
    move |message| {
        message[4..8].copy_from_slice(&0x8000_0000_u32.to_le_bytes());
        message[16..20].copy_from_slice(&(claimed | 1 << 31).to_le_bytes());
        let room = (message.len() - 20).min(value.len());
        message[20..20 + room].copy_from_slice(&value[..room]);
        true
    }
}

#[test]
fn a_question_is_well_formed() {
    let mut mailbox = mailbox(|message| {
        let words = words(message);
        assert_eq!(words[..8], [36, 0, 0x0003_8002, 12, 0, 3, 1_200_000_000, 1]);
        assert_eq!(words[8], 0, "end tag");
        answering(&[3, 0, 0, 0, 0, 0x8c, 0x86, 0x47], 8)(message)
    });
    assert_eq!(
        mailbox.set_clock_hz(&mut clock(), ClockId::Arm, 1_200_000_000),
        Ok(0x4786_8c00) // 1,200,000,000
    );
}

#[test]
fn answers() {
    let mac = [0xb8, 0x27, 0xeb, 1, 2, 3];
    let mut board = mailbox(answering(&[0xb8, 0x27, 0xeb, 1, 2, 3], 6));
    assert_eq!(board.mac_address(&mut clock()), Ok(mac));
    let mut board = mailbox(answering(&[0, 0, 0, 0, 0, 0, 0, 0x3b], 8));
    assert_eq!(board.arm_memory(&mut clock()), Ok(Memory { base: 0, bytes: 0x3b00_0000 }));
    assert_eq!(board.serial(&mut clock()), Ok(Some(0x3b00_0000_0000_0000)));
    let mut board = mailbox(answering(b"ip=dhcp console=ttyAMA0\0garbage", 31));
    assert_eq!(board.command_line(&mut clock()), Ok(&b"ip=dhcp console=ttyAMA0"[..]));
}

#[test]
fn power_and_its_refusals() {
    let usb = PowerDevice::UsbHcd;
    let mut on = mailbox(answering(&[3, 0, 0, 0, 1, 0, 0, 0], 8));
    assert_eq!(on.set_power(&mut clock(), usb, true), Ok(true));
    let mut none = mailbox(answering(&[3, 0, 0, 0, 2, 0, 0, 0], 8));
    assert_eq!(none.set_power(&mut clock(), usb, true), Err(Error::NoSuchDevice(usb)));
    let mut other = mailbox(answering(&[4, 0, 0, 0, 1, 0, 0, 0], 8));
    let wrong = Error::WrongSubject { tag: Tag::SetPower, asked: 3, found: 4 };
    assert_eq!(other.set_power(&mut clock(), usb, true), Err(wrong));
}

#[test]
fn lengths_are_not_believed() {
    let mut board = mailbox(answering(&[1, 2, 3, 4], 3));
    let short = Error::Short { tag: Tag::BoardRevision, wanted: 4, found: 3 };
    assert_eq!(board.board_revision(&mut clock()), Err(short));
    let mut board = mailbox(answering(&[1, 2, 3, 4], 0x7fff_ffff));
    assert_eq!(board.board_revision(&mut clock()), Ok(0x0403_0201));
    let mut board = mailbox(answering(&[b'x'; 4096], 0x7fff_ffff));
    assert_eq!(board.command_line(&mut clock()).map(<[u8]>::len), Ok(2024));
}

#[test]
fn tags_that_the_firmware_does_not_know() {
    let tag = Tag::Serial;
    let mut qemu = mailbox(answering(&[], 0));
    assert_eq!(qemu.serial(&mut clock()), Err(Error::Short { tag, wanted: 8, found: 0 }));
    let mut old = mailbox(|message| {
        message[4..8].copy_from_slice(&0x8000_0001_u32.to_le_bytes());
        true
    });
    let unimplemented = Error::Unimplemented { tag, code: 0x8000_0001 };
    assert_eq!(old.serial(&mut clock()), Err(unimplemented));
    let mut deaf = mailbox(|_| true);
    assert_eq!(deaf.serial(&mut clock()), Err(Error::Unimplemented { tag, code: 0 }));
}

#[test]
fn a_firmware_that_never_answers_keeps_the_buffer() {
    let mut mailbox = mailbox(|_| false);
    assert!(matches!(mailbox.board_revision(&mut clock()), Err(Error::TimedOut(_))));
    assert_eq!(mailbox.board_revision(&mut clock()), Err(Error::Busy));
    assert_eq!(mailbox.board_revision(&mut clock()), Err(Error::Busy));
}

#[test]
fn a_buffer_too_small_is_said() {
    let mut mailbox = mailbox_of(0, |_| panic!("asked"));
    let no_room = Error::NoRoom { tag: Tag::BoardRevision, bytes: 0 };
    assert_eq!(mailbox.board_revision(&mut clock()), Err(no_room));
}

proptest! {
    /// Whatever the firmware leaves in memory, every question ends in an answer or an error.
    #[test]
    fn no_answer_panics(
        noise in proptest::collection::vec(any::<u8>(), 2048),
        code in prop_oneof![Just(0x8000_0000_u32), any::<u32>()],
        indicator in prop_oneof![any::<u32>().prop_map(|bits| bits | 1 << 31), any::<u32>()],
        keep_tag in any::<bool>(),
    ) {
        let mut mailbox = mailbox(move |message| {
            let (tag, len) = (message[8..12].to_vec(), message.len());
            message.copy_from_slice(&noise[..len]);
            message[4..8].copy_from_slice(&code.to_le_bytes());
            message[16..20].copy_from_slice(&indicator.to_le_bytes());
            if keep_tag {
                message[8..12].copy_from_slice(&tag);
            }
            true
        });
        let clock = &mut clock();
        let _ = mailbox.firmware_revision(clock);
        let _ = mailbox.board_revision(clock);
        let _ = mailbox.mac_address(clock);
        let _ = mailbox.serial(clock);
        let _ = mailbox.arm_memory(clock);
        let _ = mailbox.clock_measured_hz(clock, ClockId::Core);
        let _ = mailbox.temperature_millicelsius(clock);
        let _ = mailbox.set_power(clock, PowerDevice::UsbHcd, true);
        let _ = mailbox.command_line(clock);
    }
}
