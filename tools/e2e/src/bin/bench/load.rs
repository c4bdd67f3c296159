//! `--http`: requests a second, by wrk, with the times they take and what failed.

use std::time::Duration;

use anyhow::Result;
use e2e::board::Model;
use e2e::lab::{Lab, STATIC};
use e2e::measure::peer::Linux;
use e2e::measure::{Demand, Load, wrk};
use e2e::stage::{Boot, Session};
use xtask::witness::PAGE_BYTES;

/// Connections at a time.
const CLIENTS: u32 = 8;
/// wrk's own: what takes longer it counts as failed.
pub const WRK_LIMIT: Duration = Duration::from_secs(2);

/// Measures a board and, on request, Linux, one after the other.
///
/// # Errors
/// If one does not come up.
pub fn run(model: Model, time: Duration, beside_linux: bool) -> Result<()> {
    let seconds = time.as_secs();
    println!("wrk, {CLIENTS} connections, {seconds} s each; requests/s, latency: half, 99 of 100");
    {
        let session = Session::start(model, Boot::Static)?;
        session.wait_for_ping()?;
        let page = format!("/bytes?count={PAGE_BYTES}");
        for path in ["/", "/favicon.ico", &page] {
            measure("barewire", session.lab()?, path, time)?;
        }
    }
    if beside_linux {
        let linux = Linux::start()?;
        measure("Linux, busybox httpd", &linux.lab, "/page", time)?;
    }
    Ok(())
}

/// Measures a page with connections that are kept, and with one for each request.
fn measure(who: &str, lab: &Lab, path: &str, time: Duration) -> Result<()> {
    for (keep_alive, how) in [(true, "kept alive"), (false, "one each")] {
        let demand = Demand { clients: CLIENTS, keep_alive, time, limit: WRK_LIMIT };
        let load = wrk(lab, &format!("http://{STATIC}{path}"), demand);
        let name = format!("{who}, {path}, {how}");
        super::row(&name, &load.map_or_else(|error| format!("{error:#}"), show));
    }
    Ok(())
}

/// One row of the table.
pub fn show(load: Load) -> String {
    let Load { per_second, complete, median, p99, failed } = load;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let times = format!("{:.2}/{:.2} ms", ms(median), ms(p99));
    format!("{per_second:.0}, {times} ({complete} complete, {failed} failed)")
}
