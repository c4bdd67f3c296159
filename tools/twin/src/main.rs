//! `twin`: the firmware as a Linux process on a TAP interface.
//!
//! ```text
//! ip tuntap add dev tap0 mode tap user $USER
//! ip address add 192.168.77.1/24 dev tap0
//! ip link set tap0 up
//! twin --tap tap0 --console --append "ip=192.168.77.50::192.168.77.1:255.255.255.0::eth0:off"
//! ```

use clap::Parser;
use smoltcp::wire::EthernetAddress;
use twin::process::{Options, run};

/// The firmware as a Linux process on a TAP interface.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The TAP interface; it must exist, or this user must be allowed to create it.
    #[arg(long, default_value = "tap0")]
    tap: String,
    /// The kernel command line, such as "ip=dhcp hostname=desk".
    #[arg(long, default_value = "")]
    append: String,
    /// The Ethernet address.
    #[arg(long, default_value = "02:ba:5e:00:00:01", value_parser = twin::parse_mac)]
    mac: EthernetAddress,
    /// Read standard input as the serial console's; its output is printed in any case.
    #[arg(long)]
    console: bool,
}

fn main() -> anyhow::Result<()> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let Arguments { tap, append, mac, console } = Arguments::parse();
    run(&Options { tap, append, mac, console })
}
