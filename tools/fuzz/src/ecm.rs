//! CDC Ethernet: the function in a device's configurations, and its notifications. Input: the
//! speed, then configurations one behind the other, or a notification.

use cdc_ecm::{Function, Link, parse_mac};
use usb::bus::Configurations;
use usb::descriptor::Configuration;
use usb::{Kind, Speed, Way};

use crate::descriptors::speed;

/// A function that is found can be set up as it says.
pub fn check(input: &[u8]) {
    let Some((&head, bytes)) = input.split_first() else { return };
    let speed = speed(head);
    let mut configurations = Configurations::default();
    let mut rest = bytes;
    while let Ok(total) = Configuration::total_length(rest) {
        let taken = configurations.push(rest);
        let right = Configuration::parse(rest).is_ok();
        assert!(right || taken.is_err(), "a wrong configuration was taken");
        let Some(behind) = rest.get(total..) else { break };
        rest = behind;
    }
    if let Ok(Some(function)) = Function::find(&configurations, speed) {
        usable(&configurations, &function, speed);
    }

    for link in [Link::Down, Link::Up { bits_per_second: Some(1) }] {
        let after = link.after(bytes);
        // Too short to say anything.
        assert!(bytes.len() >= 8 || after == link);
        assert_eq!(after.after(bytes), after, "a notification means the same when repeated");
    }
    if let Some(mac) = std::str::from_utf8(bytes).ok().and_then(parse_mac) {
        assert!(mac[0] & 1 == 0 && mac != [0; 6]);
        let text: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(text.as_bytes().eq_ignore_ascii_case(bytes));
    }
}

fn usable(configurations: &Configurations, function: &Function, speed: Speed) {
    let (bulk_in, bulk_out) = (function.bulk_in, function.bulk_out);
    assert_eq!((bulk_in.kind, bulk_in.way), (Kind::Bulk, Way::In));
    assert_eq!((bulk_out.kind, bulk_out.way), (Kind::Bulk, Way::Out));
    assert!(function.segment_bytes >= 1514);
    let is_told =
        function.notification.is_none_or(|e| (e.kind, e.way) == (Kind::Interrupt, Way::In));
    assert!(is_told);
    let exists = configurations.iter().any(|configuration| {
        configuration.value == function.configuration
            && configuration.interfaces().any(|i| i.number == function.control_interface)
            && configuration
                .interface(function.data_interface, function.data_alternate)
                .and_then(|setting| setting.endpoints(speed).ok())
                .is_some_and(|all| all.contains(&bulk_in) && all.contains(&bulk_out))
    });
    assert!(exists, "the function is set up by what the device does not have");
}
