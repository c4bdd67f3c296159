//! Where a network adapter can be plugged in.

use models::cdc_ecm::CdcEcm;
use models::dwc2::Mode;
use models::hub::Hub;
use models::usb::Plug;

use crate::desk::Device;

/// Every kind of chip.
pub const MODES: [Mode; 2] = [Mode::Hardware, Mode::Qemu];

/// Ways to attach a network adapter, and the topology each should print.
pub fn attachments() -> Vec<(&'static str, Device, Plug)> {
    let behind = |hub: Hub, port, device: &Device| -> Plug {
        let hub = hub.share();
        hub.borrow_mut().attach(port, device.clone());
        hub
    };
    let (root, fast) = (CdcEcm::qemu().share(), CdcEcm::dongle().share());
    let (slow, wired) = (CdcEcm::qemu().share(), CdcEcm::dongle().share());
    vec![
        ("1:(0525:a4a2)", root.clone(), root),
        ("1:(0525:a4a2)", fast.clone(), fast),
        ("1:(0409:55aa 1:(0525:a4a2))", slow.clone(), behind(Hub::full_speed(), 1, &slow)),
        ("1:(0424:9514 3:(0525:a4a2))", wired.clone(), behind(Hub::lan9514(), 3, &wired)),
    ]
}
