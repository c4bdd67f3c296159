//! DHCP's messages: what is asked, and what a server's answer gives. The format is smoltcp's; the
//! options are read here, since smoltcp takes one router only, and no time servers.

use core::fmt;
use core::time::Duration;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DhcpMessageType, DhcpOpCode, DhcpOption, DhcpPacket, DhcpRepr, EthernetAddress, IpProtocol,
    Ipv4Address, Ipv4Cidr, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};

use crate::limits::{DHCP_CLIENT_PORT, DHCP_PACKET_BYTES_SENT, DNS_SERVERS, NTP_SERVERS};
use crate::net::lease;
use crate::net::names::search::{self, Domain, Search};

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Address and mask.
    pub address: Ipv4Cidr,
    /// Who gave it.
    pub server: Ipv4Address,
    /// The default router.
    pub router: Option<Ipv4Address>,
    /// Name servers.
    pub dns: heapless::Vec<Ipv4Address, DNS_SERVERS>,
    /// Time servers.
    pub ntp: heapless::Vec<Ipv4Address, NTP_SERVERS>,
    /// The log server.
    pub log: Option<Ipv4Address>,
    /// Where names without a dot are looked for.
    pub search: Search,
    /// How long it lasts, in seconds; `u32::MAX`: for ever.
    pub seconds: u32,
    renew_seconds: Option<u32>,
    rebind_seconds: Option<u32>,
}

/// What the client says or hears: a line each, as `dhclient` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// We look for a server; the next question follows after so many seconds.
    Discover {
        /// Seconds.
        interval: u64,
    },
    /// A server offers an address.
    Offer {
        /// The address.
        of: Ipv4Address,
        /// The server.
        from: Ipv4Address,
    },
    /// We ask for an address.
    Request {
        /// The address.
        of: Ipv4Address,
        /// The server, or everybody.
        to: Ipv4Address,
    },
    /// It is ours.
    Ack {
        /// The address.
        of: Ipv4Address,
        /// The server.
        from: Ipv4Address,
    },
    /// It is not.
    Nak {
        /// The server.
        from: Ipv4Address,
    },
    /// The address is in use by us.
    Bound {
        /// The address.
        to: Ipv4Address,
        /// Seconds until it is renewed.
        renewal: u64,
    },
    /// We give an address back.
    Release {
        /// The address.
        of: Ipv4Address,
        /// The server.
        to: Ipv4Address,
    },
    /// Somebody else has the address.
    Decline {
        /// The address.
        of: Ipv4Address,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discover { interval } => {
                write!(f, "DHCPDISCOVER on eth0 to 255.255.255.255 port 67 interval {interval}")
            }
            Self::Offer { of, from } => write!(f, "DHCPOFFER of {of} from {from}"),
            Self::Request { of, to } => {
                write!(f, "DHCPREQUEST for {of} on eth0 to {to} port 67")
            }
            Self::Ack { of, from } => write!(f, "DHCPACK of {of} from {from}"),
            Self::Nak { from } => write!(f, "DHCPNAK from {from}"),
            Self::Bound { to, renewal } => {
                write!(f, "bound to {to} -- renewal in {renewal} seconds.")
            }
            Self::Release { of, to } => write!(f, "DHCPRELEASE of {of} on eth0 to {to} port 67"),
            Self::Decline { of } => {
                write!(f, "DHCPDECLINE of {of} on eth0 to 255.255.255.255 port 67")
            }
        }
    }
}

/// A message to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub(super) kind: DhcpMessageType,
    /// The server; none: everybody, from 0.0.0.0.
    pub to: Option<Ipv4Address>,
    pub(super) client: Ipv4Address,
    pub(super) requested: Option<Ipv4Address>,
    pub(super) server: Option<Ipv4Address>,
    pub(super) seconds: u16,
    /// How it is told.
    pub step: Step,
}

/// Bytes of the IPv4 and UDP headers.
pub const HEADER_BYTES: usize = 28;

impl Message {
    /// Puts what [`Message::write`] wrote behind headers of IPv4 and UDP.
    pub fn wrap<'p>(&self, payload: &[u8], packet: &'p mut [u8]) -> &'p [u8] {
        const SERVER_PORT: u16 = 67;
        let udp = UdpRepr { src_port: DHCP_CLIENT_PORT, dst_port: SERVER_PORT };
        let ip = Ipv4Repr {
            src_addr: self.client,
            dst_addr: self.to.unwrap_or(Ipv4Address::BROADCAST),
            next_header: IpProtocol::Udp,
            payload_len: udp.header_len() + payload.len(),
            hop_limit: 64,
        };
        let packet = &mut packet[..HEADER_BYTES + payload.len()];
        let checksums = ChecksumCapabilities::default();
        let mut ip_packet = Ipv4Packet::new_unchecked(&mut *packet);
        ip.emit(&mut ip_packet, &checksums);
        udp.emit(
            &mut UdpPacket::new_unchecked(ip_packet.payload_mut()),
            &ip.src_addr.into(),
            &ip.dst_addr.into(),
            payload.len(),
            |out| out.copy_from_slice(payload),
            &checksums,
        );
        packet
    }

    /// Writes a message as UDP carries it; returns its length.
    pub fn write(
        &self,
        transaction: u32,
        mac: EthernetAddress,
        hostname: &str,
        out: &mut [u8; DHCP_PACKET_BYTES_SENT],
    ) -> usize {
        /// RFC 2132 3.14.
        const HOST_NAME: u8 = 12;
        /// Mask, router, name servers, log servers, domain, broadcast, time servers, lease, server,
        /// T1, T2, search domains.
        const WANTED: &[u8] = &[1, 3, 6, 7, 15, 28, 42, 51, 54, 58, 59, 119];
        let is_question = matches!(self.kind, DhcpMessageType::Discover | DhcpMessageType::Request);
        let name = [DhcpOption { kind: HOST_NAME, data: hostname.as_bytes() }];
        let repr = DhcpRepr {
            message_type: self.kind,
            transaction_id: transaction,
            secs: self.seconds,
            client_hardware_address: mac,
            client_ip: self.client,
            your_ip: Ipv4Address::UNSPECIFIED,
            server_ip: Ipv4Address::UNSPECIFIED,
            router: None,
            subnet_mask: None,
            relay_agent_ip: Ipv4Address::UNSPECIFIED,
            broadcast: false,
            requested_ip: self.requested,
            client_identifier: Some(mac),
            server_identifier: self.server,
            parameter_request_list: is_question.then_some(WANTED),
            dns_servers: None,
            max_size: is_question.then_some(DHCP_PACKET_BYTES_SENT as u16),
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: if is_question && !hostname.is_empty() { &name } else { &[] },
        };
        // RFC 2131 2, RFC 951: servers expect 300 bytes at least.
        let len = repr.buffer_len().clamp(300, DHCP_PACKET_BYTES_SENT);
        out.fill(0);
        // Cannot fail: the longest name fits, which a test shows.
        let _ = repr.emit(&mut DhcpPacket::new_unchecked(&mut out[..len]));
        len
    }
}

impl Lease {
    pub(super) fn until(&self, since: Duration, seconds: u32) -> Duration {
        match self.seconds {
            // RFC 2131 3.3: for ever.
            u32::MAX => Duration::MAX,
            _ => since + Duration::from_secs(seconds.into()),
        }
    }

    /// T1: half of the lease, unless the server says so (RFC 2131 4.4.5).
    pub(super) fn renewal(&self, since: Duration) -> Duration {
        let seconds = self.renew_seconds.filter(|&t1| t1 > 0 && t1 < self.seconds);
        self.until(since, seconds.unwrap_or(self.seconds / 2))
    }

    /// T2: seven eighths.
    pub(super) fn rebind(&self, since: Duration) -> Duration {
        let seconds = self.rebind_seconds.filter(|&t2| t2 > 0 && t2 < self.seconds);
        self.until(since, seconds.unwrap_or(self.seconds - self.seconds / 8))
    }
}

pub(super) fn discover(interval: Duration, seconds: u16) -> Message {
    Message {
        kind: DhcpMessageType::Discover,
        to: None,
        client: Ipv4Address::UNSPECIFIED,
        requested: None,
        server: None,
        seconds,
        step: Step::Discover { interval: interval.as_secs() },
    }
}

/// RFC 2131 table 4: what goes where, by state.
pub(super) fn request(
    lease: &Lease,
    server: Option<Ipv4Address>,
    to: Option<Ipv4Address>,
    is_bound: bool,
    seconds: u16,
) -> Message {
    let of = lease.address.address();
    Message {
        kind: DhcpMessageType::Request,
        to,
        client: if is_bound { of } else { Ipv4Address::UNSPECIFIED },
        requested: (!is_bound).then_some(of),
        server,
        seconds,
        step: Step::Request { of, to: to.unwrap_or(Ipv4Address::BROADCAST) },
    }
}

/// What we need of a server's message.
pub(super) struct Reply {
    pub kind: DhcpMessageType,
    pub address: Ipv4Address,
    pub server: Ipv4Address,
    mask: Option<Ipv4Address>,
    router: Option<Ipv4Address>,
    dns: heapless::Vec<Ipv4Address, DNS_SERVERS>,
    ntp: heapless::Vec<Ipv4Address, NTP_SERVERS>,
    log: Option<Ipv4Address>,
    domain: Option<Domain>,
    search: Search,
    lease: Option<u32>,
    renew: Option<u32>,
    rebind: Option<u32>,
}

impl Reply {
    /// None unless it is a server's answer to us.
    pub fn parse(payload: &[u8], mac: EthernetAddress, transaction: u32) -> Option<Self> {
        const MAGIC: u32 = 0x6382_5363;
        const ETHERNET: u8 = 6;
        let packet = DhcpPacket::new_checked(payload).ok()?;
        let is_ours = packet.opcode() == DhcpOpCode::Reply
            && packet.magic_number() == MAGIC
            && packet.hardware_len() == ETHERNET
            && packet.client_hardware_address() == mac
            && packet.transaction_id() == transaction;
        if !is_ours {
            return None;
        }
        let mut reply = Self {
            kind: DhcpMessageType::Unknown(0),
            address: packet.your_ip(),
            server: packet.server_ip(),
            mask: None,
            router: None,
            dns: heapless::Vec::new(),
            ntp: heapless::Vec::new(),
            log: None,
            domain: None,
            search: Search::new(),
            lease: None,
            renew: None,
            rebind: None,
        };
        for option in packet.options() {
            let addresses = || {
                let each = option.data.chunks_exact(4);
                each.map(|four| Ipv4Address::new(four[0], four[1], four[2], four[3]))
            };
            let seconds = || Some(u32::from_be_bytes(option.data.try_into().ok()?));
            // RFC 2132, by section: 3.3, 3.5, 3.8, 3.9, 3.17, 8.3, 9.2, 9.6, 9.7, 9.11, 9.12; and
            // RFC 3397.
            match option.kind {
                1 => reply.mask = addresses().next(),
                3 => reply.router = addresses().next(),
                6 => reply.dns = addresses().take(DNS_SERVERS).collect(),
                7 => reply.log = addresses().next().filter(|&at| lease::check_host(at).is_ok()),
                15 => reply.domain = search::domain(option.data),
                42 => reply.ntp = addresses().take(NTP_SERVERS).collect(),
                51 => reply.lease = seconds(),
                53 => reply.kind = option.data.first().map_or(reply.kind, |&kind| kind.into()),
                54 => reply.server = addresses().next().unwrap_or(reply.server),
                58 => reply.renew = seconds(),
                59 => reply.rebind = seconds(),
                119 => reply.search = search::list(option.data),
                _ => {}
            }
        }
        Some(reply)
    }

    /// The lease that it gives.
    ///
    /// # Errors
    /// Why it is none that we take.
    pub fn lease(&self) -> Result<Lease, &'static str> {
        let mask = self.mask.unwrap_or_else(|| lease::class_mask(self.address));
        let prefix = Ipv4Cidr::from_netmask(self.address, mask);
        let address = prefix.map_err(|_| "its mask has holes")?;
        lease::check(address, self.server, self.router)?;
        lease::check_time(self.lease)?;
        // RFC 2131 table 3: the time must be there; a server that leaves it out means no end.
        Ok(Lease {
            address,
            server: self.server,
            router: self.router,
            dns: self.dns.clone(),
            ntp: self.ntp.clone(),
            log: self.log,
            search: match self.search.is_empty() {
                true => self.domain.iter().cloned().collect(),
                false => self.search.clone(),
            },
            seconds: self.lease.unwrap_or(u32::MAX),
            renew_seconds: self.renew,
            rebind_seconds: self.rebind,
        })
    }
}
