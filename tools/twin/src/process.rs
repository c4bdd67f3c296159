//! The firmware as a Linux process: one loop around ppoll(2).

use std::io::{Read, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::panic::PanicHookInfo;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use firmware::RestartRequest;
use firmware::status::NicCounters;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::termios::{
    InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::sys::time::TimeSpec;
use smoltcp::wire::EthernetAddress;

use crate::machine::{Machine, Settings};
use crate::tap::{self, Tap};
use crate::time;

/// Carries the reason of a restart into the process that follows; on the board it stands in memory.
const RESTART_VARIABLE: &str = "BAREWIRE_TWIN_RESTART";

/// A panic this soon after the start ends the process: restarting would only panic again.
const PANIC_UPTIME_MIN: Duration = Duration::from_millis(100);

/// A restarted process waits this long for the kernel to let go of the TAP interface.
const TAP_LIMIT: Duration = Duration::from_secs(2);

/// The longest sleep, so that the loop turns now and then even if nothing is due.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Ctrl-]: ends the twin from its console, as it ends telnet.
const QUIT_KEY: u8 = 0x1d;

/// The terminal as it was before; whoever ends or replaces the process puts it back.
static TERMINAL: Mutex<Option<Termios>> = Mutex::new(None);

/// What the command line asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The TAP interface.
    pub tap: String,
    /// The kernel command line.
    pub append: String,
    /// The Ethernet address.
    pub mac: EthernetAddress,
    /// True: standard input is the serial console's.
    pub console: bool,
}

/// Runs until the console's quit key, or an error. A restart replaces the process.
///
/// # Errors
/// If the TAP interface or the console fails.
pub fn run(options: &Options) -> Result<()> {
    std::panic::set_hook(Box::new(panicked));
    let mut tap = open_tap(&options.tap)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow!("no random numbers: {error}"))?;
    let settings = Settings {
        append: options.append.clone(),
        mac: options.mac,
        restart: std::env::var(RESTART_VARIABLE).unwrap_or_default(),
        seed,
        driver: "tap",
    };
    let mut machine = Machine::new(&settings)?;
    let mut console = Console::open(options.console)?;
    loop {
        let now = time::now();
        let edge = tap.counters();
        let counters = NicCounters {
            transfers_in: edge.received,
            transfers_out: edge.sent,
            receive_errors: edge.receive_errors,
            send_errors: edge.send_errors,
            ..NicCounters::default()
        };
        let due = machine.turn(now, &mut tap, counters);
        console.write_from(&mut machine)?;
        match machine.firmware().restart_due(now) {
            None => {}
            Some(RestartRequest::Restart) => return Err(restart("requested")),
            Some(RestartRequest::Panic) => panic!("requested"),
        }
        // Writing the console's output may have woken its task.
        let due = if machine.has_work() { Some(now) } else { due };
        let sleep = due.map_or(SLEEP_MAX, |due| due.saturating_sub(time::now()).min(SLEEP_MAX));
        if console.wait(&tap, sleep)? && !console.read_into(&mut machine)? {
            return Ok(());
        }
    }
}

fn open_tap(name: &str) -> Result<Tap> {
    loop {
        match Tap::open(name) {
            Err(error) if tap::is_busy(&error) && time::now() < TAP_LIMIT => {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// Replaces the process by a new one. Returns only if that fails.
fn restart(reason: &str) -> anyhow::Error {
    restore_terminal();
    let mut arguments = std::env::args_os();
    let program = std::env::current_exe();
    let program = match (program, arguments.next()) {
        (Ok(program), _) => program,
        (Err(_), Some(name)) => name.into(),
        (Err(error), None) => return anyhow!(error).context("restart"),
    };
    let error = Command::new(program).args(arguments).env(RESTART_VARIABLE, reason).exec();
    anyhow!(error).context("restart")
}

/// As on the board: report, then restart.
fn panicked(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
    let place = place.unwrap_or_else(|| "an unknown place".into());
    eprintln!("panic: {message}, at {place}");
    if time::now() < PANIC_UPTIME_MIN {
        restore_terminal();
        eprintln!("this soon after the start: not restarted");
        std::process::exit(101);
    }
    eprintln!("{:#}", restart(&format!("panic: {message}, at {place}")));
    std::process::exit(101);
}

fn restore_terminal() {
    let before = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &before);
    }
}

/// Standard input and output as UART0.
struct Console {
    input: bool,
    terminal: bool,
}

impl Console {
    fn open(input: bool) -> Result<Self> {
        let before = if input { tcgetattr(stdin()).ok() } else { None };
        let Some(before) = before else { return Ok(Self { input, terminal: false }) };
        // Each key at once and not echoed: the firmware's line editor does that. Ctrl-C goes to it,
        // too.
        let mut raw = before.clone();
        raw.local_flags -= LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
        raw.input_flags -= InputFlags::ICRNL | InputFlags::IXON;
        raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(stdin(), SetArg::TCSANOW, &raw).context("set up the terminal")?;
        eprintln!("(Ctrl-] ends the twin)");
        Ok(Self { input, terminal: true })
    }

    fn write_from(&mut self, machine: &mut Machine) -> Result<()> {
        let mut chunk = [0; 1024];
        loop {
            let bytes = machine.firmware().console_output(&mut chunk);
            if bytes == 0 {
                return stdout().flush().context("console output");
            }
            stdout().write_all(&chunk[..bytes]).context("console output")?;
        }
    }

    /// Sleeps until a frame, a key or the time comes; true if there are keys.
    fn wait(&self, tap: &Tap, sleep: Duration) -> Result<bool> {
        let input = stdin();
        let mut all = [tap.as_fd(), input.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let count = if self.input { 2 } else { 1 };
        // Not poll(2), which counts milliseconds: TCP's timers are finer.
        match ppoll(&mut all[..count], Some(TimeSpec::from_duration(sleep)), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error).context("ppoll"),
        }
        Ok(self.input && all[1].any().unwrap_or(false))
    }

    /// Hands keys to the firmware; false if the quit key was among them.
    fn read_into(&mut self, machine: &mut Machine) -> Result<bool> {
        let mut keys = [0; 64];
        let bytes = stdin().read(&mut keys).context("console input")?;
        // A closed input stays readable for ever.
        self.input = bytes > 0;
        let keys = &keys[..bytes];
        if self.terminal && keys.contains(&QUIT_KEY) {
            return Ok(false);
        }
        machine.firmware().console_input(keys);
        Ok(true)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        restore_terminal();
    }
}
