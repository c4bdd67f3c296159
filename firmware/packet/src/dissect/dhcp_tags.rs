//! Options of DHCP and how their contents look (RFC 2132 and others; IANA: BOOTP Vendor Extensions
//! and DHCP Options).

/// How the content of an option is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// IPv4 addresses.
    Ipv4,
    /// Pairs of IPv4 addresses.
    Ipv4Pairs,
    /// Numbers of 32 bits.
    Words,
    /// Numbers of 32 bits with a sign.
    SignedWords,
    /// Numbers of 16 bits.
    Shorts,
    /// Numbers of 8 bits.
    Bytes,
    /// `Y` or `N` each.
    Switches,
    /// Text.
    Text,
    /// In a way of its own.
    Special,
}

use Format::*;

/// Options by their code.
const TAGS: &[(u8, &str, Format)] = &[
    (0, "PAD", Special),
    (1, "Subnet-Mask", Ipv4),
    (2, "Time-Zone", SignedWords),
    (3, "Default-Gateway", Ipv4),
    (4, "Time-Server", Ipv4),
    (5, "IEN-Name-Server", Ipv4),
    (6, "Domain-Name-Server", Ipv4),
    (7, "LOG", Ipv4),
    (8, "CS", Ipv4),
    (9, "LPR-Server", Ipv4),
    (10, "IM", Ipv4),
    (11, "RL", Ipv4),
    (12, "Hostname", Text),
    (13, "BS", Shorts),
    (14, "DP", Text),
    (15, "Domain-Name", Text),
    (16, "SS", Ipv4),
    (17, "RP", Text),
    (18, "EP", Text),
    (19, "IPF", Switches),
    (20, "SRT", Switches),
    (21, "PF", Ipv4Pairs),
    (22, "RSZ", Shorts),
    (23, "TTL", Bytes),
    (24, "MTU-Timeout", Words),
    (25, "MTU-Table", Shorts),
    (26, "MTU", Shorts),
    (27, "LSN", Switches),
    (28, "BR", Ipv4),
    (29, "MD", Switches),
    (30, "MS", Switches),
    (31, "Router-Discovery", Switches),
    (32, "RSA", Ipv4),
    (33, "Static-Route", Ipv4Pairs),
    (34, "UT", Switches),
    (35, "AT", Words),
    (36, "IE", Switches),
    (37, "TT", Bytes),
    (38, "KI", Words),
    (39, "KG", Switches),
    (40, "YD", Text),
    (41, "YS", Ipv4),
    (42, "NTP", Ipv4),
    (43, "Vendor-Option", Bytes),
    (44, "Netbios-Name-Server", Ipv4),
    (45, "WDD", Ipv4),
    (46, "Netbios-Node", Special),
    (47, "Netbios-Scope", Text),
    (48, "XFS", Ipv4),
    (49, "XDM", Ipv4),
    (50, "Requested-IP", Ipv4),
    (51, "Lease-Time", Words),
    (52, "OO", Special),
    (53, "DHCP-Message", Special),
    (54, "Server-ID", Ipv4),
    (55, "Parameter-Request", Bytes),
    (56, "MSG", Text),
    (57, "MSZ", Shorts),
    (58, "RN", Words),
    (59, "RB", Words),
    (60, "Vendor-Class", Text),
    (61, "Client-ID", Special),
    (64, "N+D", Shorts),
    (65, "N+S", Ipv4),
    (66, "TFTP", Text),
    (67, "BF", Text),
    (68, "MH", Ipv4),
    (69, "SMTP", Ipv4),
    (70, "POP3", Ipv4),
    (71, "NNTP", Ipv4),
    (72, "WWW", Ipv4),
    (73, "FG", Ipv4),
    (74, "IRC", Ipv4),
    (75, "STS", Ipv4),
    (76, "STDA", Ipv4),
    (77, "User-Class", Special),
    (78, "SLP-DA", Bytes),
    (79, "SLP-SCOPE", Bytes),
    (80, "SLP-NA", Text),
    (81, "FQDN", Special),
    (82, "Agent-Information", Special),
    (83, "ARMT", Bytes),
    (88, "TZSTR", Text),
    (89, "FQDNS", Bytes),
    (90, "AUTH", Bytes),
    (91, "Last-Transaction-Time", SignedWords),
    (92, "Associated-IP", Ipv4),
    (93, "ARCH", Shorts),
    (94, "NDI", Bytes),
    (95, "LDAP", Text),
    (97, "GUID", Bytes),
    (98, "UAP", Text),
    (100, "POSIX-TZ", Text),
    (101, "TZ-Name", Text),
    (112, "NI", Ipv4),
    (113, "NITAG", Text),
    (114, "URL", Text),
    (116, "NOAUTO", Switches),
    (117, "NSSEARCH", Shorts),
    (118, "SUBNET", Ipv4),
    (121, "Classless-Static-Route", Special),
    (150, "TFTP-Server-Address", Ipv4),
    (161, "MUD-URL", Text),
    (249, "Classless-Static-Route-Microsoft", Special),
    (255, "END", Special),
];

/// The name of an option and its format, if it is known.
pub fn tag(code: u8) -> Option<(&'static str, Format)> {
    let index = TAGS.binary_search_by_key(&code, |&(tag, _, _)| tag).ok()?;
    TAGS.get(index).map(|&(_, name, format)| (name, format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(TAGS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(tag(53), Some(("DHCP-Message", Special)));
        assert_eq!(tag(200), None);
    }
}
