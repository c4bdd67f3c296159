//! The image for the Raspberry Pi 3: boot.rs brings the CPU up, board.rs the board, and the loop
//! below runs the rest.

#![no_std]
#![no_main]

mod board;
mod boot;
mod carried;
mod console;
mod critical;
mod exceptions;
mod log;
mod memory;
mod peripherals;
mod restart;
mod run;
mod tasks;
mod time;

use core::fmt::Write as _;

use board::Board;
use boot::Entry;

fn main(entry: Entry) -> ! {
    let mut board = Board::start(entry);
    let _ = writeln!(board.console, "\nbarewire {}", env!("CARGO_PKG_VERSION"));
    board.introduce();
    run::run(board)
}
