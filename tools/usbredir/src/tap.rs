//! A TAP interface: one `read` or `write` of `/dev/net/tun` a frame. The one file with `unsafe`.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result, ensure};

nix::ioctl_write_ptr_bad!(
    /// Attaches the file to an interface (linux/if_tun.h: TUNSETIFF = _IOW('T', 202, int), whose
    /// argument is an ifreq all the same).
    tun_set_iff,
    nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
    libc::ifreq
);

/// Opens the TAP interface of this name in the network namespace of the calling thread; makes it if
/// it is not there and the caller may.
///
/// # Errors
/// If the name is no name, or the kernel refuses: no rights, or another process holds it.
pub fn open(name: &str) -> Result<File> {
    ensure!(
        !name.is_empty() && name.len() < libc::IFNAMSIZ && !name.contains('\0'),
        "{name:?} is no interface name"
    );
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
    for (to, &from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: the file is open for the whole call; the request is a live, initialised ifreq, the
    // type that TUNSETIFF reads, its name ends with a zero byte (its length is checked above), and
    // the kernel keeps no pointer.
    unsafe { tun_set_iff(file.as_raw_fd(), &raw const request) }
        .with_context(|| format!("attach to the TAP interface {name}"))?;
    Ok(file)
}
