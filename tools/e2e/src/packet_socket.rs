//! Frames straight to and from an interface (packet(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
    sockopt,
};

use crate::wait::Deadline;

/// Bytes of the longest frame read.
const FRAME_BYTES_MAX: usize = 2048;

/// How long a frame may wait for room in the interface's queue.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// What a socket keeps while nobody listens, for those that may not miss a frame.
const RECEIVE_BUFFER_BYTES: usize = 16 << 20;

/// A socket that sends frames and hears all that pass, those that others of this machine send
/// included.
#[derive(Debug)]
pub struct PacketSocket {
    socket: OwnedFd,
}

impl PacketSocket {
    /// Opens one on this interface, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// Without root, or if there is no such interface.
    pub fn open(interface: &str) -> Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)
            .context("make a packet socket")?;
        let index = nix::net::if_::if_nametoindex(interface)
            .with_context(|| format!("find the interface {interface}"))?;
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
            sll_ifindex: i32::try_from(index)?,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        // SAFETY: the socket is open for the whole call; the pointer is to a live, initialised
        // sockaddr_ll and the length is its size; the kernel reads it and keeps no pointer.
        let bound = unsafe {
            libc::bind(
                socket.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        if bound < 0 {
            return Err(io::Error::last_os_error()).context("bind the packet socket");
        }
        Ok(Self { socket })
    }

    /// Hears only what comes in, with room for what comes while nobody listens.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn only_incoming(self) -> Result<Self> {
        setsockopt(&self.socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES)
            .context("make room for frames")?;
        let on: libc::c_int = 1;
        // SAFETY: the socket is open for the whole call; the pointer is to a live int and the
        // length is its size; the kernel reads it and keeps no pointer.
        let set = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_IGNORE_OUTGOING,
                (&raw const on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if set < 0 {
            return Err(io::Error::last_os_error()).context("hear only what comes in");
        }
        Ok(self)
    }

    /// Sends a frame, waiting for room in the interface's queue.
    ///
    /// # Errors
    /// If the kernel refuses it: shorter than an Ethernet header, longer than the interface's MTU.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        let deadline = Deadline::after(SEND_LIMIT);
        loop {
            match send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                // The queue is full: the board has not taken what was sent before.
                Err(Errno::ENOBUFS | Errno::EAGAIN) if !deadline.has_passed() => {
                    std::thread::yield_now();
                }
                Err(error) => return Err(error).context("send a frame"),
            }
        }
    }

    /// The next frame that passes, or none within `limit`.
    ///
    /// # Errors
    /// If the interface is gone.
    pub fn receive(&self, limit: Duration) -> Result<Option<Vec<u8>>> {
        let deadline = Deadline::after(limit);
        let mut buffer = vec![0; FRAME_BYTES_MAX];
        loop {
            let last = deadline.has_passed();
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(bytes) => {
                    buffer.truncate(bytes);
                    return Ok(Some(buffer));
                }
                Err(Errno::EAGAIN) if last => return Ok(None),
                Err(Errno::EAGAIN | Errno::EINTR) => {
                    // Rounded up: a wait of zero would spin through the last millisecond.
                    let wait = deadline.left() + Duration::from_micros(999);
                    let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
                    let mut sockets = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
                    poll(&mut sockets, wait).context("wait for a frame")?;
                }
                Err(error) => return Err(error).context("receive a frame"),
            }
        }
    }
}

impl From<PacketSocket> for OwnedFd {
    fn from(socket: PacketSocket) -> Self {
        socket.socket
    }
}
