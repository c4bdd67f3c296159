//! The board restarts, and is there again.

use anyhow::{Context, Result, ensure};
use xtask::qemu::Attachment;

use crate::board::Hardware;
use crate::script::{shell, web};
use crate::stage::Session;
use crate::wait::{PATIENCE, until};

/// By the shell's `reboot`.
pub fn by_reboot(session: &mut Session) -> Result<()> {
    restart(session, "reboot\r", "request")
}

/// By a panic that was asked for: its report is on the console, and it does not end the board.
pub fn by_panic(session: &mut Session) -> Result<()> {
    restart(session, "reboot --panic\r", "panic")
}

fn restart(session: &mut Session, command: &str, reason: &str) -> Result<()> {
    let mark = session.board.console().mark();
    // Kept until the board is back: a client that leaves would send its farewell into the restart.
    let _telnet = if session.board.model().hardware == Hardware::Lan9514(Attachment::Hub) {
        // QEMU's hub tells the chip's server nothing of a restart, and QEMU aborts when a frame
        // comes behind it before the board has found its devices again. So no frame may come, and
        // the command has to come by another way.
        session.board.chip("hold")?;
        session.board.type_keys(command)?;
        None
    } else {
        let mut telnet = shell::log_in(session)?;
        telnet.type_keys(command)?;
        Some(telnet)
    };

    session.wait_for_address(mark).context("after the restart")?;
    // The journal prints the reason before the address, in the same boot.
    let line = session.board.wait_for(mark, &["restart: ", reason])?;
    if session.lab.is_some() {
        session.wait_for_ping().context("after the restart")?;
    }
    let status = until("an answer of the new boot", PATIENCE, || Ok(web::status(session).ok()))?;
    let told = web::find(&status, "restart").context("no restart reason in /status.json")?;
    ensure!(told.to_string().contains(reason), "the console says {line:?}, the status {told}");
    web::fetch_index(session)
}
