//! 802.2 logical link control and SNAP (IEEE 802).

use super::ether::Addresses;
use super::printer::{Printed, Printer, Table, Unknown, lookup, put};
use super::tables::ETHERTYPES;

const UNNUMBERED_INFORMATION: u16 = 0x03;
const XID: u16 = 0xaf;
/// The bit of a service access point that tells groups and responses.
const GROUP_OR_RESPONSE: u8 = 1;
/// Poll or final, in control fields of one byte and of two.
const POLL_SHORT: u16 = 0x10;
const POLL_LONG: u16 = 0x100;
const SNAP_BYTES: usize = 5;

const SAP_IP: u8 = 0x06;
const SAP_STP: u8 = 0x42;
const SAP_SNAP: u8 = 0xaa;

const SAPS: &Table = &[
    (0x00, "Null"),
    (0xff, "Global"),
    (0x02, "802.1B I"),
    (0x03, "802.1B G"),
    (0x06, "IP"),
    (0x04, "SNA"),
    (0x0e, "ProWay NM"),
    (0x42, "STP"),
    (0x4e, "RS511"),
    (0x7e, "ISO8208"),
    (0x8e, "ProWay"),
    (0xaa, "SNAP"),
    (0xe0, "IPX"),
    (0xf0, "NetBeui"),
    (0xfe, "OSI"),
];
const COMMANDS: &Table = &[
    (0x03, "ui"),
    (0xe3, "test"),
    (0xaf, "xid"),
    (0x63, "ua"),
    (0x43, "disc"),
    (0x0f, "dm"),
    (0x6f, "sabme"),
    (0x87, "frmr"),
];
const FLAGS: &Table = &[
    (0, "Command"),
    (1, "Response"),
    (0x10, "Poll"),
    (0x11, "Final"),
    (0x100, "Poll"),
    (0x101, "Final"),
];
const SUPERVISORY: &Table = &[(0, "Receiver Ready"), (1, "Receiver not Ready"), (2, "Reject")];

/// Who numbers the protocols behind a SNAP header.
const ORGANIZATIONS: &Table = &[
    (0x00_0000, "Ethernet"),
    (0x00_000c, "Cisco"),
    (0x00_005e, "IANA"),
    (0x00_0081, "Nortel Networks SONMP"),
    (0x00_00f8, "Cisco bridged"),
    (0x00_80c2, "Ethernet bridged"),
    (0x00_a03e, "ATM Forum"),
    (0x00_e02f, "DOCSIS Spanning Tree"),
    (0x08_0007, "Appletalk"),
    (0x00_9069, "Juniper"),
    (0x08_0009, "Hewlett-Packard"),
    (0x00_120f, "IEEE 802.3 Private"),
    (0x00_12bb, "ANSI/TIA"),
    (0x00_1b21, "DCBX"),
    (0x00_2320, "Nicira Networks"),
    (0x5c_16c7, "Big Switch Networks"),
    (0xb0_d2f5, "Vello Systems"),
    (0x00_2481, "HP"),
    (0x00_04ea, "HP-Labs"),
    (0x74_8771, "Infoblox Inc"),
    (0xa4_2305, "Open Networking Lab"),
    (0x00_049f, "Freescale"),
    (0x00_15ad, "Netronome"),
    (0x00_1018, "Broadcom"),
    (0x00_e004, "PMC-Sierra"),
    (0xd0_f0db, "Ericsson"),
];
const ORGANIZATION_ETHERNET: u32 = 0;
const ORGANIZATION_CISCO: u32 = 0x0c;
const ORGANIZATION_CISCO_BRIDGED: u32 = 0xf8;
const ORGANIZATION_BRIDGED: u32 = 0x80c2;
const ORGANIZATION_APPLE: u32 = 0x08_0007;

const CISCO_PROTOCOLS: &Table = &[
    (0x2000, "CDP"),
    (0x2003, "VTP"),
    (0x2004, "DTP"),
    (0x0111, "UDLD"),
    (0x010b, "PVST"),
    (0x010c, "VLAN Bridge"),
];
/// RFC 2684 5.2.
const BRIDGED_PROTOCOLS: &Table = &[
    (1, "Ethernet + FCS"),
    (7, "Ethernet w/o FCS"),
    (2, "802.4 + FCS"),
    (8, "802.4 w/o FCS"),
    (3, "Token Ring + FCS"),
    (9, "Token Ring w/o FCS"),
    (4, "FDDI + FCS"),
    (10, "FDDI w/o FCS"),
    (5, "802.6 + FCS"),
    (11, "802.6 w/o FCS"),
    (14, "BPDU"),
];

/// What came of a header.
pub struct Header {
    /// Its bytes.
    pub bytes: usize,
    /// Was what follows it printed?
    pub is_payload_printed: bool,
}

impl Printer<'_> {
    /// A frame's payload of `length` bytes.
    pub fn llc(&mut self, at: usize, length: usize, addresses: Addresses) -> Printed<Header> {
        self.protocol = "llc";
        let captured = self.available(at);
        let there = captured.min(length);
        let is_short = there >= 3 && self.u8(at + 2)? & 3 == 3;
        if there < 3 || (!is_short && there < 4) {
            self.print_truncated()?;
            self.print_default(at, captured)?;
            return Ok(Header { bytes: there, is_payload_printed: true });
        }
        let (destination_field, source_field) = (self.u8(at)?, self.u8(at + 1)?);
        let control =
            if is_short { self.u8(at + 2)?.into() } else { self.u16(at + 2)?.swap_bytes() };
        let bytes = if is_short { 3 } else { 4 };
        let destination = destination_field & !GROUP_OR_RESPONSE;
        let source = source_field & !GROUP_OR_RESPONSE;
        if self.options.link_header {
            let names = [
                ("LLC, dsap ", destination_field, ["Individual", "Group"]),
                (", ssap ", source_field, ["Command", "Response"]),
            ];
            for (before, field, [clear, set]) in names {
                let sap = field & !GROUP_OR_RESPONSE;
                put!(self, "{before}");
                self.print_name(SAPS, sap.into(), Unknown::Text("Unknown"))?;
                let flag = if field & GROUP_OR_RESPONSE == 0 { clear } else { set };
                put!(self, " (0x{sap:02x}) {flag}");
            }
            if is_short {
                put!(self, ", ctrl 0x{control:02x}: ");
            } else {
                put!(self, ", ctrl 0x{control:04x}: ");
            }
        }
        let (payload_at, payload) = (at + bytes, length - bytes);
        if control == UNNUMBERED_INFORMATION && source == destination {
            match source {
                SAP_SNAP => {
                    let is_payload_printed = self.snap(payload_at, payload, addresses)?;
                    return Ok(Header { bytes: bytes + SNAP_BYTES, is_payload_printed });
                }
                SAP_STP => {
                    self.spanning_tree(payload_at, payload)?;
                    return Ok(Header { bytes, is_payload_printed: true });
                }
                SAP_IP => {
                    self.ipv4(payload_at, payload as u32)?;
                    return Ok(Header { bytes, is_payload_printed: true });
                }
                _ => {}
            }
        }
        if !self.options.link_header {
            let unknown = |text| Unknown::Hex2(text, "");
            self.print_source(addresses)?;
            if source != destination {
                put!(self, " ");
                self.print_name(SAPS, source.into(), unknown("Unknown SSAP "))?;
            }
            put!(self, " > ");
            self.print_destination(addresses)?;
            put!(self, " ");
            self.print_name(SAPS, destination.into(), unknown("Unknown DSAP "))?;
            put!(self, " ");
        }
        let is_payload_printed =
            self.llc_control(control, is_short, source_field, payload_at, length)?;
        Ok(Header { bytes, is_payload_printed })
    }

    /// What the control field says; true if nothing else is to be said.
    fn llc_control(
        &mut self,
        control: u16,
        is_short: bool,
        source_field: u8,
        payload_at: usize,
        length: usize,
    ) -> Printed<bool> {
        let response = u32::from(source_field & GROUP_OR_RESPONSE);
        let poll = if is_short { POLL_SHORT } else { POLL_LONG };
        let flags = lookup(FLAGS, response | u32::from(control & poll)).unwrap_or("?");
        let received = control >> 9 & 0x7f;
        if !is_short && control & 3 == 1 {
            let command = lookup(SUPERVISORY, (control >> 2 & 3).into()).unwrap_or("?");
            put!(self, "Supervisory, {command}, rcv seq {received}, Flags [{flags}]");
            put!(self, ", length {length}");
            return Ok(true);
        }
        if !is_short {
            let sent = control >> 1 & 0x7f;
            put!(self, "Information, send seq {sent}, rcv seq {received}, Flags [{flags}]");
            put!(self, ", length {length}");
            return Ok(false);
        }
        let command = control & !POLL_SHORT;
        put!(self, "Unnumbered, ");
        match lookup(COMMANDS, command.into()) {
            Some(name) => put!(self, "{name}"),
            None => put!(self, "{command:02x}"),
        }
        put!(self, ", Flags [{flags}], length {length}");
        let payload = length - 3;
        if command != XID {
            return Ok(false);
        }
        let captured = self.available(payload_at);
        match (payload, captured) {
            (0, _) => {}
            (_, 0) => self.print_truncated()?,
            _ if self.u8(payload_at)? != 0x81 => return Ok(false),
            (3.., 3..) => {
                let (first, second) = (self.u8(payload_at + 1)?, self.u8(payload_at + 2)?);
                put!(self, ": {first:02x} {second:02x}");
            }
            _ => {
                self.print_truncated()?;
                self.print_default(payload_at, captured)?;
            }
        }
        Ok(true)
    }

    /// A SNAP header and what follows; false if there is nothing to say about that.
    fn snap(&mut self, at: usize, length: usize, addresses: Addresses) -> Printed<bool> {
        self.protocol = "snap";
        if length < SNAP_BYTES || !self.has(at, SNAP_BYTES) {
            self.print_truncated()?;
            return Ok(true);
        }
        let organization = self.u24(at)?;
        let protocol = self.u16(at + 3)?;
        let (payload_at, payload) = (at + SNAP_BYTES, length - SNAP_BYTES);
        if self.options.link_header {
            self.print_snap(organization, protocol, payload, true)?;
        }
        let is_printed = match (organization, protocol) {
            (ORGANIZATION_ETHERNET | ORGANIZATION_CISCO_BRIDGED, _) => {
                self.ethertype(protocol, payload_at, payload)?
            }
            (ORGANIZATION_CISCO, 0x010b | 0x010c) | (ORGANIZATION_BRIDGED, 14) => {
                self.spanning_tree(payload_at, payload)?;
                true
            }
            _ => false,
        };
        if !is_printed && !self.options.link_header {
            self.print_source(addresses)?;
            put!(self, " > ");
            self.print_destination(addresses)?;
            put!(self, " SNAP, ");
            self.print_snap(organization, protocol, payload, false)?;
        }
        Ok(is_printed)
    }

    /// The header itself; `with_link_header` as `-e` shows it.
    fn print_snap(
        &mut self,
        organization: u32,
        protocol: u16,
        payload: usize,
        with_link_header: bool,
    ) -> Printed {
        let is_ethernet = organization == ORGANIZATION_ETHERNET;
        if with_link_header || !is_ethernet {
            put!(self, "oui ");
            self.print_name(ORGANIZATIONS, organization, Unknown::Text("Unknown"))?;
            put!(self, " (0x{organization:06x}), ");
        }
        put!(self, "{} ", if is_ethernet { "ethertype" } else { "pid" });
        let names = match organization {
            ORGANIZATION_ETHERNET | ORGANIZATION_CISCO_BRIDGED | ORGANIZATION_APPLE => ETHERTYPES,
            ORGANIZATION_CISCO => CISCO_PROTOCOLS,
            ORGANIZATION_BRIDGED => BRIDGED_PROTOCOLS,
            _ => &[],
        };
        self.print_name(names, protocol.into(), Unknown::Text("Unknown"))?;
        put!(self, " (0x{protocol:04x}), length {payload}: ");
        Ok(())
    }
}
