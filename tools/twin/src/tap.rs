//! A TAP interface as the network device: one `read` or `write` of `/dev/net/tun` a frame.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result, ensure};
use firmware::limits::FRAME_BYTES_MAX;
use smoltcp::phy::{Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

nix::ioctl_write_ptr_bad!(
    /// Attaches the file to an interface (linux/if_tun.h: TUNSETIFF = _IOW('T', 202, int), whose
    /// argument is an ifreq all the same).
    tun_set_iff,
    nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
    libc::ifreq
);

/// Bytes read of a frame: one more than we take, so that one that is too long is seen to be so.
const RECEIVE_BYTES: usize = FRAME_BYTES_MAX + 1;

/// A TAP interface that exists already, or that this process may create.
#[derive(Debug)]
pub struct Tap {
    file: File,
    received: [u8; RECEIVE_BYTES],
    counters: TapCounters,
}

/// What went wrong at the edge to the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct TapCounters {
    /// Frames read.
    pub received: u64,
    /// Frames written.
    pub sent: u64,
    /// Reads that failed, as when the interface is down.
    pub receive_errors: u64,
    /// Frames that the kernel did not take.
    pub send_errors: u64,
}

impl Tap {
    /// Opens the interface of this name.
    ///
    /// # Errors
    /// If the name is too long, or the kernel refuses: no rights, or another process holds the
    /// interface.
    pub fn open(name: &str) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/net/tun")
            .context("open /dev/net/tun")?;
        let mut request = libc::ifreq {
            ifr_name: [0; libc::IFNAMSIZ],
            ifr_ifru: libc::__c_anonymous_ifr_ifru {
                // Two flags that fit a short: plain Ethernet frames, without a header of TUN's own.
                ifru_flags: (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short,
            },
        };
        ensure!(!name.is_empty() && name.len() < libc::IFNAMSIZ, "{name:?} is no interface name");
        for (to, &from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
            *to = from as libc::c_char;
        }
        // SAFETY: the file is open for the whole call; the request is a live, initialised ifreq,
        // the type that TUNSETIFF reads, its name ends with a zero byte (checked above), and the
        // kernel keeps no pointer.
        unsafe { tun_set_iff(file.as_raw_fd(), &raw const request) }
            .with_context(|| format!("attach to the TAP interface {name}"))?;
        Ok(Self { file, received: [0; RECEIVE_BYTES], counters: TapCounters::default() })
    }

    /// What was counted so far.
    pub fn counters(&self) -> TapCounters {
        self.counters
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Device for Tap {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let Self { file, received, counters } = self;
        match file.read(received) {
            Ok(bytes) => {
                counters.received += 1;
                Some((RxToken { frame: &received[..bytes] }, TxToken { file, counters }))
            }
            Err(error) => {
                if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) {
                    counters.receive_errors += 1;
                }
                None
            }
        }
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        Some(TxToken { file: &mut self.file, counters: &mut self.counters })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}

/// A received frame.
#[derive(Debug)]
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl smoltcp::phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(self.frame)
    }
}

/// Leave to send one frame.
#[derive(Debug)]
pub struct TxToken<'a> {
    file: &'a mut File,
    counters: &'a mut TapCounters,
}

impl smoltcp::phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, bytes: usize, fill: F) -> R {
        let mut frame = [0; FRAME_BYTES_MAX];
        // `capabilities` says how long a frame may be, so a longer one is the stack's mistake.
        let frame = &mut frame[..bytes];
        let result = fill(frame);
        match self.file.write(frame) {
            Ok(_) => self.counters.sent += 1,
            Err(error) => {
                self.counters.send_errors += 1;
                log::debug!("frame of {bytes} bytes not sent: {error}");
            }
        }
        result
    }
}

/// True if the error of [`Tap::open`] says that another process holds the interface.
pub fn is_busy(error: &anyhow::Error) -> bool {
    let busy = nix::errno::Errno::EBUSY;
    error.chain().any(|cause| {
        cause.downcast_ref() == Some(&busy)
            || cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error)
                == Some(busy as i32)
    })
}
