//! A device that is simple enough to see through: what goes out on 0x02 comes back on 0x81.

use std::collections::VecDeque;
use std::time::Duration;

use usbredir::device::{Device, Inward, Outward, Refusal, Setup, Speed};

const DEVICE: [u8; 18] = [18, 1, 0, 2, 0xff, 0, 1, 64, 0x24, 4, 0, 0xec, 0, 2, 0, 0, 0, 1];
const CONFIGURATION: [u8; 39] = [
    9, 2, 39, 0, 1, 1, 0, 0xe0, 1, // one configuration
    9, 4, 0, 0, 3, 0xff, 0, 0xff, 0, // one interface
    7, 5, 0x81, 2, 0, 2, 0, // bulk IN
    7, 5, 0x02, 2, 0, 2, 0, // bulk OUT
    7, 5, 0x83, 3, 16, 0, 4, // interrupt IN
];

/// What a test looks at and turns.
#[derive(Debug, Default)]
pub struct Fake {
    /// Answers to bulk INs that wait.
    pub inward: VecDeque<Inward>,
    /// What was sent out.
    pub outward: Vec<Vec<u8>>,
    /// False: bulk OUTs have to wait.
    pub busy: bool,
    /// Reports.
    pub reports: VecDeque<Inward>,
    /// Frames from the wire.
    pub frames: Vec<Vec<u8>>,
    /// Frames for the wire.
    pub to_wire: VecDeque<Vec<u8>>,
    /// Bus resets and power-ups.
    pub resets: u32,
    /// The cable.
    pub link: bool,
    /// It has pulled its own plug.
    pub left: bool,
    /// What SET_CONFIGURATION chose.
    pub configuration: u8,
}

impl Device for Fake {
    fn speed(&self) -> Speed {
        Speed::High
    }

    fn power_on(&mut self, now: Duration) {
        self.left = false;
        self.reset(now);
    }

    fn reset(&mut self, _now: Duration) {
        self.resets += 1;
        self.configuration = 0;
        self.inward.clear();
    }

    fn control(&mut self, _now: Duration, setup: &Setup, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        match (setup.request_type, setup.request, setup.value) {
            (0x80, 6, 0x0100) => Ok(DEVICE.into()),
            (0x80, 6, 0x0200) => Ok(CONFIGURATION.into()),
            (0x80, 8, _) => Ok(vec![self.configuration]),
            (0x00, 9, value @ 0..=1) => {
                self.configuration = value as u8;
                Ok(Vec::new())
            }
            (0x01, 11, 0) => Ok(Vec::new()),
            (0x81, 10, _) => Ok(vec![0]),
            // A register, and one write of it.
            (0xc0, 0xa1, _) => Ok(vec![0x02, 0, 0, 0xec]),
            (0x40, 0xa0, _) if data.len() == 4 => Ok(Vec::new()),
            _ => Err(Refusal::Stall),
        }
    }

    fn bulk_out(&mut self, _now: Duration, endpoint: u8, data: &[u8]) -> Outward {
        match endpoint {
            _ if self.busy => Outward::Pending,
            2 => {
                self.outward.push(data.into());
                self.to_wire.push_back(data.into());
                Outward::Taken
            }
            _ => Outward::Refused(Refusal::NoEndpoint),
        }
    }

    fn bulk_in(&mut self, _now: Duration, endpoint: u8, _wanted: usize) -> Inward {
        match endpoint {
            0x81 => self.inward.pop_front().unwrap_or(Inward::Pending),
            _ => Inward::Refused(Refusal::NoEndpoint),
        }
    }

    fn interrupt_in(&mut self, _now: Duration, _endpoint: u8) -> Inward {
        self.reports.pop_front().unwrap_or(Inward::Pending)
    }

    fn advance(&mut self, _now: Duration) -> Option<Duration> {
        None
    }

    fn has_left(&self) -> bool {
        self.left
    }

    fn takes_frames(&mut self) -> bool {
        true
    }

    fn frame_in(&mut self, _now: Duration, frame: &[u8]) {
        self.frames.push(frame.into());
        self.inward.push_back(Inward::Data(frame.into()));
    }

    fn frame_out(&mut self) -> Option<Vec<u8>> {
        self.to_wire.pop_front()
    }

    fn set_link(&mut self, _now: Duration, up: bool) {
        self.link = up;
    }

    fn fault(&mut self, _now: Duration, words: &[&str]) -> Result<String, String> {
        match words {
            ["stall"] => {
                self.inward.push_back(Inward::Refused(Refusal::Stall));
                Ok(String::new())
            }
            _ => Err("faults are\nstall".into()),
        }
    }

    fn statistics(&mut self) -> String {
        format!("link={}", self.link)
    }
}
