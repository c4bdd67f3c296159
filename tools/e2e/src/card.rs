//! The SD card: made by the command that people type, read by programs that nobody here wrote, and
//! started from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use rexpect::session::{Options, PtySession, spawn_with_options};
use serde_json::Value;
use tempfile::TempDir;
use xtask::qemu::{self, Nic, Serial};
use xtask::sdcard;
use xtask::workspace;

use crate::board::{MAC, free_ports, image};
use crate::process::{Mark, Process};
use crate::tool::{curl, is_installed, run};
use crate::wait::{PATIENCE, until};

/// A trial without a board of its own.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// As it is named, behind `card::`.
    pub name: &'static str,
    /// Programs it uses.
    pub tools: &'static [&'static str],
    /// It makes a device.
    pub needs_root: bool,
    /// What it does.
    pub run: fn() -> Result<()>,
}

/// All of them.
pub const CASES: [Case; 6] = [
    case("mtools_find_every_byte", &["mdir", "mcopy", "minfo"], false, every_byte),
    case("boots_at_0x80000", &[qemu::PROGRAM, "curl"], false, || boots_at(0x8_0000)),
    case("boots_at_0x200000", &[qemu::PROGRAM, "curl"], false, || boots_at(0x20_0000)),
    case("boots_over_its_own_buffers", &[qemu::PROGRAM, "curl"], false, || boots_at(buffers()?)),
    case("is_written_to_a_device", &["losetup"], true, written),
    case("what_cannot_be_is_said", &[], false, refused),
];

const fn case(
    name: &'static str,
    tools: &'static [&'static str],
    needs_root: bool,
    run: fn() -> Result<()>,
) -> Case {
    Case { name, tools, needs_root, run }
}

impl Case {
    /// Why it cannot run on this machine, if it cannot.
    pub fn missing(&self) -> Option<String> {
        if self.needs_root && !nix::unistd::geteuid().is_root() {
            return Some("needs root, for a loop device".into());
        }
        if self.needs_root && !Path::new("/dev/loop-control").exists() {
            return Some("needs /dev/loop-control".into());
        }
        let missing = self.tools.iter().find(|tool| !is_installed(tool));
        missing.map(|tool| format!("needs {tool}, which is not installed"))
    }
}

/// Stand for the Raspberry Pi's boot files, which are not ours to have: right names, and what the
/// names promise.
const BOOT_FILES: [(&str, &[u8]); 6] = [
    ("bootcode.bin", b"stands for bootcode"),
    ("start_cd.elf", b"\x7fELF stands for start"),
    ("fixup_cd.dat", b"stands for fixup"),
    ("bcm2710-rpi-3-b.dtb", b"\xd0\x0d\xfe\xed stands for a tree"),
    ("LICENCE.broadcom", b"stands for a licence"),
    ("COPYING.linux", b"stands for another"),
];
/// Is in the same folder, and not taken.
const STRANGER: &str = "holiday.jpg";

/// A folder with boot files, and room for a card.
struct Desk(TempDir);

impl Desk {
    fn new() -> Result<Self> {
        let desk = Self(tempfile::Builder::new().prefix("barewire-").tempdir()?);
        fs::create_dir(desk.firmware())?;
        for (name, bytes) in BOOT_FILES {
            fs::write(desk.firmware().join(name), bytes)?;
        }
        fs::write(desk.firmware().join(STRANGER), "a beach")?;
        Ok(desk)
    }

    fn firmware(&self) -> PathBuf {
        self.0.path().join("firmware")
    }

    fn card(&self) -> PathBuf {
        self.0.path().join("card.img")
    }

    /// `cargo xtask sdcard --firmware .. --out ..`, for more words.
    fn command(&self) -> Command {
        let mut command = workspace::cargo();
        command.args(["xtask", "sdcard", "--firmware"]).arg(self.firmware());
        command.arg("--out").arg(self.card());
        command
    }

    /// Makes the card.
    fn make(&self) -> Result<()> {
        let mut process = Process::spawn(self.command())?;
        let status = process.finish(PATIENCE * 5)?;
        ensure!(status.success(), "{}: {}", process.shown(), process.errors.tail(20));
        Ok(())
    }
}

/// mtools list and copy what should be on the card, byte for byte, and nothing else.
fn every_byte() -> Result<()> {
    let desk = Desk::new()?;
    desk.make()?;
    let mut expected: Vec<(&str, Vec<u8>)> = vec![
        ("kernel8.img", fs::read(image()?)?),
        ("config.txt", sdcard::CONFIG.into()),
        ("cmdline.txt", sdcard::COMMAND_LINE.into()),
        ("README.txt", sdcard::README.into()),
    ];
    expected.extend(BOOT_FILES.map(|(name, bytes)| (name, bytes.to_vec())));
    let volume = format!("{}@@1M", desk.card().display());
    let mtools = |program: &str, words: &[&str]| {
        run(None, program, &[&["-i", &volume], words].concat(), PATIENCE)
    };
    let listed = mtools("mdir", &["-b", "::"])?;
    let mut listed: Vec<_> = listed.lines().map(|line| line.trim_start_matches("::/")).collect();
    let mut names: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    names.sort_unstable();
    ensure!(listed == names, "on the card are {listed:?}");
    for (name, bytes) in expected {
        let copy = desk.0.path().join("copy");
        mtools("mcopy", &["-n", &format!("::{name}"), &copy.display().to_string()])?;
        ensure!(fs::read(&copy)? == bytes, "{name} differs");
    }
    let about = mtools("minfo", &["::"])?;
    ensure!(about.contains("disk type=\"FAT32   \""), "{about}");
    let hidden = ["hidden sectors: 2048", "hidden=2048"];
    ensure!(hidden.iter().any(|words| about.contains(words)), "{about}");
    Ok(())
}

/// The address of a load that reaches into the DMA region, where the code that moves the file would
/// otherwise go: the region is the last of what the arm64 Image header calls the image.
fn buffers() -> Result<u32> {
    /// Bytes of the region, and where the image is linked (linker.ld).
    const DMA_BYTES: u32 = 2 << 20;
    const LOAD_ADDRESS: u32 = 0x8_0000;
    let image = fs::read(image()?)?;
    let size = image.get(0x10..0x14).context("no Image header")?;
    let size = u32::from_le_bytes(size.try_into()?);
    Ok((LOAD_ADDRESS + size - DMA_BYTES - image.len() as u32 / 2) & !0xfff)
}

/// The card's kernel serves its page from wherever a firmware loads it.
fn boots_at(address: u32) -> Result<()> {
    let desk = Desk::new()?;
    desk.make()?;
    let forwards = free_ports()?;
    let port = forwards.iter().find(|forward| forward.board == 80).context("port 80")?.host;
    let machine = sdcard::machine(&desk.card(), address, desk.0.path());
    let machine = machine.map_err(|error| anyhow!("{error}"))?;
    let machine = machine.nic(Nic::user(forwards).mac(MAC)).console(Serial::Stdio);
    let command = machine.command().map_err(|error| anyhow!("{error}"))?;
    let board = Process::spawn(command)?;
    let explain = || format!("{}\n{}", board.output.tail(40), board.errors.tail(20));
    let line = format!("loaded at {address:#x}");
    board.output.wait_for(Mark::default(), &[&line], PATIENCE).with_context(explain)?;
    board
        .output
        .wait_for(Mark::default(), &["eth0: address ", "by DHCP"], PATIENCE)
        .with_context(explain)?;
    let url = format!("http://127.0.0.1:{port}");
    let page = until("the page", PATIENCE, || Ok(curl(None, &format!("{url}/")).ok()))?;
    ensure!(page.0 == 200 && page.1.trim_end().ends_with("</html>"), "{page:?}");
    let (_, status) = curl(None, &format!("{url}/status.json"))?;
    let status: Value = serde_json::from_str(&status)?;
    let told = status.pointer("/board/loaded_at").and_then(Value::as_str);
    ensure!(told == Some(&format!("{address:#x}")), "/status.json says {told:?}");
    Ok(())
}

/// A loop device, let go of at the end.
struct Loop(String);

impl Loop {
    fn over(file: &Path, mebibytes: u64) -> Result<Self> {
        fs::File::create(file)?.set_len(mebibytes << 20)?;
        let file = file.display().to_string();
        let name = run(None, "losetup", &["--find", "--show", &file], PATIENCE)?;
        Ok(Self(name.trim().into()))
    }

    fn name(&self) -> &str {
        self.0.trim_start_matches("/dev/")
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if let Err(error) = run(None, "losetup", &["--detach", &self.0], PATIENCE) {
            eprintln!("{error:#}");
        }
    }
}

/// `--write` asks, takes only the device's name for a yes, and then writes every byte.
fn written() -> Result<()> {
    let desk = Desk::new()?;
    let disk = desk.0.path().join("disk");
    let device = Loop::over(&disk, 100)?;
    let mut asked = ask(&desk, &device)?;
    asked.send_line("yes")?;
    expect(&mut asked, "nothing was written")?;
    expect_end(&mut asked)?;
    let written = fs::read(&disk)?;
    ensure!(written.iter().all(|byte| *byte == 0), "written without a yes");

    let mut asked = ask(&desk, &device)?;
    asked.send_line(device.name())?;
    expect(&mut asked, "is written and can be taken out")?;
    expect_end(&mut asked)?;
    // The loop device hands its pages to the file at the latest when it is let go.
    drop(device);
    let (written, card) = (fs::read(&disk)?, fs::read(desk.card())?);
    ensure!(written[..card.len()] == card[..], "the device differs from the card");

    let device = Loop::over(&desk.0.path().join("tiny"), 1)?;
    let mut command = desk.command();
    command.args(["--write", &device.0]);
    expect(&mut spawn(command)?, "only 1048576")
}

fn ask(desk: &Desk, device: &Loop) -> Result<PtySession> {
    let mut command = desk.command();
    command.args(["--write", &device.0]);
    let mut asked = spawn(command)?;
    expect(&mut asked, &format!("{}: unknown model, 104.8 MB", device.0))?;
    expect(&mut asked, &format!("type its name, {}:", device.name()))?;
    Ok(asked)
}

fn spawn(command: Command) -> Result<PtySession> {
    let limit = u64::try_from((PATIENCE * 5).as_millis())?;
    let options = Options::new().timeout_ms(Some(limit)).strip_ansi_escape_codes(true);
    spawn_with_options(command, options).context("start cargo xtask sdcard")
}

fn expect(session: &mut PtySession, words: &str) -> Result<()> {
    session.exp_string(words).map(drop).map_err(|error| anyhow!("{words:?} did not come: {error}"))
}

fn expect_end(session: &mut PtySession) -> Result<()> {
    session.exp_eof().map(drop).map_err(|error| anyhow!("it does not end: {error}"))
}

/// Bad input is refused with words that help, before anything is built.
fn refused() -> Result<()> {
    let desk = Desk::new()?;
    let [empty, renamed] = ["empty", "renamed"].map(|name| desk.0.path().join(name));
    for folder in [&empty, &renamed] {
        fs::create_dir(folder)?;
    }
    for (name, bytes) in BOOT_FILES {
        fs::write(renamed.join(name.replace("_cd", "4")), bytes)?;
    }
    let [empty, renamed] = [&empty, &renamed].map(|folder| folder.display().to_string());
    let firmware = desk.firmware().display().to_string();
    let file = desk.firmware().join(STRANGER).display().to_string();
    let rows: [(&[&str], &[&str]); 6] = [
        (
            &["--firmware", &empty],
            &["lacks bootcode.bin, start_cd.elf, fixup_cd.dat", "github.com/raspberrypi/firmware"],
        ),
        (&["--firmware", &renamed], &["lacks start_cd.elf, fixup_cd.dat"]),
        (&["--firmware", &file], &["is not a folder"]),
        (&["--size-mib", "8"], &["8 is not in 40..="]),
        (&["--firmware", &firmware, "--write", &file], &["is no block device", "--out"]),
        (&["--firmware", &firmware, "--write", "/dev/no-such-card"], &["/dev/no-such-card"]),
    ];
    for (words, expected) in rows {
        let mut command = workspace::cargo();
        command.args(["xtask", "sdcard", "--out"]).arg(desk.card()).args(words);
        let mut process = Process::spawn(command)?;
        let status = process.finish(PATIENCE * 5)?;
        let said = process.errors.text();
        ensure!(!status.success() && !desk.card().exists(), "{words:?} was taken");
        for words in expected {
            ensure!(said.contains(words), "no {words:?} in: {said}");
        }
    }
    Ok(())
}
