//! The relay as a program: two TAP interfaces and a cable between them, until Ctrl-C; then it says
//! what it did.

#![forbid(unsafe_code)]

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use nix::sys::signal::{SigSet, Signal};
use relay::{Faults, Relay};
use usbredir::tap;

/// Joins two TAP interfaces by a cable with faults
#[derive(Debug, Parser)]
#[command(after_help = "\
Makes the interfaces if they are not there. Put each where it belongs, for example
  relay left0 right0 --loss 5 &
  ip netns add there; ip link set right0 netns there
  ip address add 192.0.2.1/24 dev left0; ip link set left0 up
  ip -n there address add 192.0.2.2/24 dev right0; ip -n there link set right0 up")]
struct Arguments {
    /// One end
    left: String,
    /// The other one
    right: String,
    /// Per cent of the frames that are lost
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Per cent that come twice
    #[arg(long, default_value_t = 0.0)]
    duplicate: f64,
    /// Per cent in which one bit is wrong
    #[arg(long, default_value_t = 0.0)]
    corrupt: f64,
    /// Per cent that are not delayed, and so overtake others; needs --delay-us
    #[arg(long, default_value_t = 0.0)]
    reorder: f64,
    /// How late frames are, microseconds
    #[arg(long, default_value_t = 0)]
    delay_us: u64,
    /// And up to so much more or less
    #[arg(long, default_value_t = 0)]
    jitter_us: u64,
    /// Bits a second; 0: as many as there are
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Only from left to right
    #[arg(long)]
    one_way: bool,
    /// Of the dice
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Arguments {
    fn faults(&self) -> Faults {
        let share = |percent: f64| (percent.clamp(0.0, 100.0) * 10_000.0).round() as u32;
        Faults {
            loss: share(self.loss),
            duplicate: share(self.duplicate),
            corrupt: share(self.corrupt),
            reorder: share(self.reorder),
            delay: Duration::from_micros(self.delay_us),
            jitter: Duration::from_micros(self.jitter_us),
            rate: self.rate,
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Before there is a thread that could be interrupted.
    let interrupt = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    interrupt.thread_block()?;
    let relay = Relay::between(tap::open(&arguments.left)?, tap::open(&arguments.right)?)?;
    let faults = arguments.faults();
    let back = if arguments.one_way { Faults::default() } else { faults };
    relay.set([faults, back], arguments.seed);
    interrupt.wait()?;
    for (name, tally) in ["left to right", "right to left"].iter().zip(relay.tally()) {
        println!("{name}: {tally:?}");
    }
    Ok(())
}
