//! `dhclient`: asks for an address, or gives it back, in the words of ISC's client 4.4.
//!
//! The client itself always runs (`net/dhcp.rs`); this sets it going and prints what it does.

use embassy_futures::select::{Either, select};
use embassy_time::Timer;

use super::{About, Arguments, Context, FAILURE, Misuse, Order, Outcome, SUCCESS, Then, flag};
use crate::limits::DHCLIENT_TIMEOUT;
use crate::net::dhcp::Step;
use crate::status::Mac;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-4] [-1dvr] [eth0]",
    summary: "ask for an address by DHCP, or give it back",
    options: &[
        flag("4", "", "by IPv4, which it always is"),
        flag("1", "", "try once"),
        flag("d", "", "print what happens"),
        flag("r", "", "release the lease"),
        flag("v", "", "print what happens"),
    ],
    order: Order::Raw,
    operands: super::Operands::Interfaces,
    usage: Some(USAGE),
    misuse: Misuse { then: Then::Text(USAGE), ..About::NEW.misuse },
};

// In the words of ISC.
const USAGE: &str = "\
Usage: dhclient [-4] [-1dvr] [interface]
       dhclient {--help|-h}
";

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    release: bool,
    verbose: bool,
    once: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong<'a> {
    Option(&'a str),
    Interface,
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let wanted = match read(arguments.rest()) {
        Ok(wanted) => wanted,
        Err(Wrong::Option(word)) => {
            context.print(format_args!("Unknown command: {word}\n")).await;
            return context.misused().await;
        }
        Err(Wrong::Interface) => return no_device(context).await,
    };
    let system = context.system;
    let status = system.status();
    let Some(mac) = status.nic.as_ref().map(|nic| nic.mac) else {
        return no_device(context).await;
    };
    let mut next = system.dhcp_steps();
    let begun = if wanted.release { system.dhcp_release() } else { system.dhcp_renew() };
    if begun.is_err() {
        context.complain(format_args!("eth0 has an address of its own: ip= says so")).await;
        return FAILURE;
    }
    if wanted.verbose {
        let mac = Mac(mac);
        let text = format_args!("Listening on LPF/eth0/{mac}\nSending on   LPF/eth0/{mac}\n");
        context.print(text).await;
    }
    if wanted.release && status.address.is_none() {
        // There is nothing to give back.
        return SUCCESS;
    }
    let deadline = Timer::after_secs(DHCLIENT_TIMEOUT.as_secs());
    let follow = async {
        loop {
            let (number, step) = system.dhcp_step(next).await;
            next = number + 1;
            if wanted.verbose {
                context.print(format_args!("{step}\n")).await;
            }
            if matches!(step, Step::Bound { .. } | Step::Release { .. }) {
                return;
            }
        }
    };
    match select(follow, deadline).await {
        Either::First(()) => SUCCESS,
        Either::Second(()) => {
            if wanted.verbose {
                context.write("No DHCPOFFERS received.\n").await;
            }
            if wanted.once {
                return Outcome::Status(2);
            }
            if wanted.verbose {
                context.write("No working leases in persistent database - sleeping.\n").await;
            }
            SUCCESS
        }
    }
}

async fn no_device(context: &Context<'_>) -> Outcome {
    context.write("Failed to get interface index: No such device\n").await;
    FAILURE
}

fn read<'a>(words: &[&'a str]) -> Result<Wanted, Wrong<'a>> {
    let mut wanted = Wanted::default();
    for &word in words {
        match word {
            "-4" => {}
            "-1" => wanted.once = true,
            "-r" => wanted.release = true,
            "-v" | "-d" => wanted.verbose = true,
            "eth0" => {}
            _ if word.starts_with('-') => return Err(Wrong::Option(word)),
            _ => return Err(Wrong::Interface),
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let verbose = Wanted { verbose: true, ..Wanted::default() };
        for (words, expected) in [
            (&[][..], Ok(Wanted::default())),
            (&["-v", "eth0"], Ok(verbose)),
            (&["-4", "-d"], Ok(verbose)),
            (&["-r", "-1"], Ok(Wanted { release: true, once: true, verbose: false })),
            (&["-vr"], Err(Wrong::Option("-vr"))),
            (&["lo"], Err(Wrong::Interface)),
        ] {
            assert_eq!(read(words), expected, "{words:?}");
        }
    }
}
