//! The property mailbox of the VideoCore, as far as it switches the USB controller's power.
//!
//! It shares its memory with the CPU as every device does, so a question that was not cleaned out
//! of the cache is not understood, and an answer that was not invalidated is not seen. The format
//! is that of the raspberrypi/firmware wiki, "Mailbox property interface".

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use crate::dwc2::Dwc2;
use crate::memory::Memory;

// Registers.
const READ: usize = 0x00;
const READ_STATUS: usize = 0x18;
const WRITE: usize = 0x20;
const WRITE_STATUS: usize = 0x38;
const EMPTY: u32 = 1 << 30;

const PROPERTY_CHANNEL: u32 = 8;
const SET_POWER_STATE: u32 = 0x0002_8001;
const USB_HCD: u32 = 3;
const DONE: u32 = 0x8000_0000;
const BAD_REQUEST: u32 = 0x8000_0001;

/// How the firmware takes a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It does what it is asked, and says so.
    #[default]
    Willing,
    /// It keeps the power off, and says so.
    Unwilling,
    /// It never answers.
    Silent,
}

/// A handle of the mailbox. Clones are the same mailbox.
#[derive(Clone)]
pub struct Mailbox(Rc<RefCell<Firmware>>);

struct Firmware {
    memory: Arc<Memory>,
    usb: Dwc2,
    mood: Mood,
    answers: VecDeque<u32>,
    switched: Vec<bool>,
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let firmware = self.0.borrow();
        write!(f, "Mailbox({:?}, switched {:?})", firmware.mood, firmware.switched)
    }
}

impl Mailbox {
    /// A firmware that reads its questions in `memory` and switches the power of `usb`.
    pub fn new(memory: Arc<Memory>, usb: Dwc2) -> Self {
        let (mood, answers, switched) = (Mood::Willing, VecDeque::new(), Vec::new());
        Self(Rc::new(RefCell::new(Firmware { memory, usb, mood, answers, switched })))
    }

    /// How it takes questions from now on.
    pub fn set_mood(&self, mood: Mood) {
        self.0.borrow_mut().mood = mood;
    }

    /// Every time that the power was switched, in order: true is on.
    pub fn switched(&self) -> Vec<bool> {
        self.0.borrow().switched.clone()
    }
}

impl mmio::Registers for Mailbox {
    fn read_raw(&mut self, offset: usize) -> u32 {
        let mut firmware = self.0.borrow_mut();
        match offset {
            READ => firmware.answers.pop_front().unwrap_or(0),
            READ_STATUS if firmware.answers.is_empty() => EMPTY,
            READ_STATUS | WRITE_STATUS => 0,
            _ => panic!("no register of the mailbox: {offset:#x}"),
        }
    }

    fn write_raw(&mut self, offset: usize, value: u32) {
        assert_eq!((offset, value & 0xf), (WRITE, PROPERTY_CHANNEL), "not a property question");
        let mut firmware = self.0.borrow_mut();
        if firmware.mood != Mood::Silent {
            firmware.answer(value & !0xf);
            firmware.answers.push_back(value);
        }
    }
}

impl Firmware {
    fn word(&self, at: u32) -> u32 {
        let (bytes, allowed) = self.memory.read(at, 4).expect("a question within the memory");
        assert_eq!(allowed, Ok(()), "the question is the firmware's while it is asked");
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    fn put(&self, at: u32, value: u32) {
        assert_eq!(self.memory.write(at, &value.to_le_bytes()), Ok(()), "an answer in its place");
    }

    fn answer(&mut self, at: u32) {
        let (tag, device, state) = (self.word(at + 8), self.word(at + 20), self.word(at + 24));
        if (tag, device) != (SET_POWER_STATE, USB_HCD) {
            return self.put(at + 4, BAD_REQUEST);
        }
        let on = state & 1 != 0 && self.mood == Mood::Willing;
        self.usb.set_power(on);
        self.switched.push(on);
        self.put(at + 4, DONE);
        self.put(at + 16, DONE | 8);
        self.put(at + 24, u32::from(on));
    }
}
