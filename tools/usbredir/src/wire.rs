//! Where the other end of the network cable is.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::tap;

/// Bytes of the shortest frame without its check sequence (IEEE 802.3, 3.2.8). The kernel hands
/// over shorter ones and leaves it to the sender's chip to fill them up.
const FRAME_BYTES_MIN: usize = 60;

/// The other end of the cable.
#[derive(Debug)]
pub enum Wire {
    /// No cable.
    None,
    /// The kernel, by a TAP interface.
    Tap(File),
    /// A pair of Unix datagram sockets, one frame a datagram: QEMU's `-netdev dgram`.
    Datagrams {
        /// Ours.
        socket: UnixDatagram,
        /// Where ours is in the file system; removed when it is closed.
        path: PathBuf,
        /// Theirs.
        peer: PathBuf,
    },
}

impl Wire {
    /// A cable to the TAP interface of this name.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn tap(name: &str) -> Result<Self> {
        tap::open(name).map(Self::Tap)
    }

    /// A cable from the datagram socket `path`, which is made, to `peer`.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn datagrams(path: &Path, peer: &Path) -> Result<Self> {
        let at = || format!("make the datagram socket {}", path.display());
        let socket = UnixDatagram::bind(path).with_context(at)?;
        socket.set_nonblocking(true).with_context(at)?;
        Ok(Self::Datagrams { socket, path: path.into(), peer: peer.into() })
    }

    /// What poll(2) waits for.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::None => None,
            Self::Tap(file) => Some(file.as_fd()),
            Self::Datagrams { socket, .. } => Some(socket.as_fd()),
        }
    }

    /// The next frame, at least as long as Ethernet wants it; `None` if there is none now.
    ///
    /// # Errors
    /// If the frame is lost, as when the interface is down.
    pub fn receive<'a>(&mut self, into: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        let bytes = match self {
            Self::None => return Ok(None),
            Self::Tap(file) => file.read(into),
            Self::Datagrams { socket, .. } => socket.recv(into),
        };
        let bytes = match bytes {
            Err(error) if is_nothing(&error) => return Ok(None),
            bytes => bytes?,
        };
        let padded = bytes.max(FRAME_BYTES_MIN).min(into.len());
        if let Some(padding) = into.get_mut(bytes..padded) {
            padding.fill(0);
        }
        Ok(into.get(..padded))
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// If it is lost: nobody is there, or their queue is full.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        match self {
            Self::None => Err(ErrorKind::NotConnected.into()),
            Self::Tap(file) => file.write(frame).map(drop),
            Self::Datagrams { socket, peer, .. } => socket.send_to(frame, peer).map(drop),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Self::Datagrams { path, .. } = self {
            // It may have been removed with its folder.
            let _ = fs::remove_file(path);
        }
    }
}

/// True if an error says no more than "not now".
pub fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
