//! `hostname`: the board's name and addresses, as Debian's hostname 3.23 prints them.

use super::hosts::own;
use super::{About, Argument, Arguments, Context, FAILURE, Misuse, Outcome, SUCCESS, flag};
use crate::net::names::resolver::has_scope;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-f|-s|-d|-i|-I]",
    summary: "show the board's name or addresses",
    options: &[
        flag("s", "short", "short host name"),
        flag("f", "fqdn", "long host name (FQDN)"),
        flag("d", "domain", "domain name"),
        flag("i", "ip-address", "addresses for the host name"),
        flag("I", "all-ip-addresses", "all addresses for the host"),
    ],
    usage: Some(USAGE),
    misuse: Misuse { status: 255, ..About::NEW.misuse },
    ..About::NEW
};

const USAGE: &str = "\
Usage: hostname [-d|-f|-i|-I|-s]                display formatted name
       hostname                                 display host name

       hostname -h|--help                       print info and exit

Program options:
    -d, --domain           DNS domain name
    -f, --fqdn, --long     long host name (FQDN)
    -i, --ip-address       addresses for the host name
    -I, --all-ip-addresses all addresses for the host
    -s, --short            short host name

Description:
   The name comes from hostname= in cmdline.txt; its domain is .local, by
   multicast DNS.
";

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let name = context.system.hostname();
    let mut wanted = "";
    for argument in arguments {
        match argument {
            Argument::Option(option, _) => wanted = option,
            Argument::Operand(_) => {
                context.write("hostname: the name is set by hostname= in cmdline.txt\n").await;
                return FAILURE;
            }
        }
    }
    match wanted {
        "fqdn" => context.print(format_args!("{name}.local\n")).await,
        "domain" => context.write("local\n").await,
        "ip-address" | "all-ip-addresses" => {
            let mut addresses = own(context.system);
            // Those of the link name no host to whom is elsewhere.
            addresses.retain(|address| !has_scope(*address));
            if addresses.is_empty() && wanted == "ip-address" {
                // As the tool says of a name without an address.
                context.complain(format_args!("Name or service not known")).await;
                return FAILURE;
            }
            for (index, address) in addresses.iter().enumerate() {
                // Only the list of all ends with a blank.
                let all = wanted == "all-ip-addresses";
                let (before, after) = match (all, index) {
                    (true, _) => ("", " "),
                    (false, 0) => ("", ""),
                    (false, _) => (" ", ""),
                };
                context.print(format_args!("{before}{address}{after}")).await;
            }
            context.write("\n").await;
        }
        _ => context.print(format_args!("{name}\n")).await,
    }
    SUCCESS
}
