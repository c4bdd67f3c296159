//! Echoes of all sizes, by ping and by hand.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::stage::Session;
use crate::tool::{Pings, read_pings};
use crate::wait::PATIENCE;

/// A ping may take that long altogether.
const LIMIT: Duration = Duration::from_secs(180);

/// Bytes of Ethernet, IPv4 and ICMP headers before ping's data.
const HEADERS_BYTES: usize = 14 + 20 + 8;
/// Bytes of data that fill a frame.
const DATA_BYTES_MAX: usize = 1500 - 20 - 8;
/// Bytes of a full-speed bulk packet, as QEMU's adapter has it. Frames of its multiples need an end
/// of their own, and have been lost by other drivers.
const USB_PACKET_BYTES: usize = 64;

fn ping(session: &Session, arguments: &[&str]) -> Result<Pings> {
    let address = session.address.to_string();
    let mut line = vec!["-n", "-q"];
    line.extend(arguments);
    line.push(&address);
    let text = session.lab()?.run("ping", &line, LIMIT)?;
    read_pings(&text).with_context(|| text)
}

/// 1,000 pings at 10 ms, none lost.
pub fn a_thousand(session: &mut Session) -> Result<()> {
    session.wait_for_ping()?;
    let pings = ping(session, &["-i", "0.01", "-c", "1000", "-W", "10"])?;
    ensure!(pings == Pings { sent: 1000, received: 1000 }, "{pings:?}");
    Ok(())
}

/// Echoes that come and go in six fragments.
pub fn eight_thousand_bytes(session: &mut Session) -> Result<()> {
    session.wait_for_ping()?;
    let pings = ping(session, &["-s", "8000", "-c", "5", "-i", "0.2", "-W", "10"])?;
    ensure!(pings == Pings { sent: 5, received: 5 }, "{pings:?}");
    Ok(())
}

/// Sizes whose frames end around the end of a USB packet, by the real ping.
pub fn around_usb_packets(session: &mut Session) -> Result<()> {
    session.wait_for_ping()?;
    let multiples = (USB_PACKET_BYTES..HEADERS_BYTES + DATA_BYTES_MAX).step_by(USB_PACKET_BYTES);
    for frame_bytes in multiples {
        for data_bytes in frame_bytes - HEADERS_BYTES - 2..=frame_bytes - HEADERS_BYTES + 2 {
            let size = data_bytes.min(DATA_BYTES_MAX).to_string();
            let pings = ping(session, &["-s", &size, "-c", "1", "-W", "10"])
                .with_context(|| format!("{size} bytes"))?;
            ensure!(pings == Pings { sent: 1, received: 1 }, "{size} bytes: {pings:?}");
        }
    }
    Ok(())
}

/// Every size that fits one frame, by hand: what comes back is what was sent.
pub fn every_size(session: &mut Session) -> Result<()> {
    let peer = session.lab()?.raw_peer(1)?;
    let board = peer.find(session.address)?;
    let pattern: Vec<u8> =
        (0..DATA_BYTES_MAX).map(|index| (index * 7 + index / 251) as u8).collect();
    for bytes in 0..=DATA_BYTES_MAX {
        peer.echo(board, 0x5e5e, bytes as u16, &pattern[..bytes])
            .with_context(|| format!("{bytes} bytes, within {PATIENCE:?}"))?;
    }
    Ok(())
}
