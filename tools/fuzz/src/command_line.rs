//! The kernel command line. Input: the line, UTF-8 or not.

use firmware::config::{Config, Ipv4Mode};
use firmware::limits::CONFIG_FAULTS_MAX;
use firmware::net::lease;

/// Any line gives a configuration that the stack can take, that prints as a line of the same
/// meaning, and faults that can be read.
pub fn check(input: &[u8]) {
    let (config, faults) = Config::of_board(None, input);
    assert!(faults.iter().count() <= CONFIG_FAULTS_MAX);
    for fault in faults.iter() {
        assert!(!fault.was_cut(), "{fault}");
        assert!(fault.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{fault:?}");
    }
    if let Ipv4Mode::Static { address, router, dns } = &config.ipv4 {
        assert_eq!(lease::check_host(address.address()), Ok(()));
        assert_eq!(lease::check_network(*address), Ok(()));
        assert!(router.is_none_or(|router| lease::check_router(*address, router).is_ok()));
        assert!(dns.iter().all(|server| lease::check_host(*server).is_ok()));
    }
    assert!(config.mac.is_none_or(|mac| mac.is_unicast()));
    let name = config.hostname.as_str();
    assert!((1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-'));
    let (again, faults) = Config::parse(&config.to_string());
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(again, config);
}
