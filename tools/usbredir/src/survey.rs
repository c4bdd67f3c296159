//! What QEMU wants to know of a device before it is there, read from its descriptors.

use std::time::Duration;

use crate::device::{Device, Setup, Speed};
use crate::message::{DeviceConnect, EndpointInfo, InterfaceInfo, TABLE_ROWS, speed};

/// `bDescriptorType` (USB 2.0, table 9-5).
const DEVICE: u8 = 1;
const CONFIGURATION: u8 = 2;
const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;

/// Bytes of a configuration that are asked for.
const CONFIGURATION_BYTES_MAX: u16 = 4096;
/// Configurations that are looked at.
const CONFIGURATIONS_MAX: u8 = 8;
/// Numbers of interfaces whose settings are remembered.
pub const INTERFACES_MAX: usize = 32;

/// The settings of a device's interfaces.
pub type Alternates = [u8; INTERFACES_MAX];

/// The row of an endpoint in QEMU's tables.
pub const fn row(endpoint: u8) -> usize {
    (endpoint & 15) as usize + if endpoint & 0x80 == 0 { 0 } else { 16 }
}

fn descriptor(device: &mut impl Device, now: Duration, kind: u8, index: u8, bytes: u16) -> Vec<u8> {
    let value = u16::from_be_bytes([kind, index]);
    let setup = Setup { request_type: 0x80, request: 6, value, index: 0, length: bytes };
    device.control(now, &setup, &[]).unwrap_or_default()
}

/// The device itself. A device without a descriptor is of class 0.
pub fn identity(device: &mut impl Device, now: Duration) -> DeviceConnect {
    let speed = match device.speed() {
        Speed::High => speed::HIGH,
        Speed::Full | Speed::Low => speed::FULL,
    };
    let bytes = descriptor(device, now, DEVICE, 0, 18);
    let Some(&[class, subclass, protocol, _, v0, v1, p0, p1, d0, d1]) =
        bytes.get(4..).and_then(<[u8]>::first_chunk)
    else {
        return DeviceConnect { speed, ..DeviceConnect::default() };
    };
    let word = |low, high| u16::from_le_bytes([low, high]);
    let (vendor, product, version) = (word(v0, v1), word(p0, p1), word(d0, d1));
    DeviceConnect { speed, class, subclass, protocol, vendor, product, version }
}

/// Interfaces and endpoints of the configuration with this value, or of the first.
pub fn tables(
    device: &mut impl Device,
    now: Duration,
    value: u8,
    alternates: &Alternates,
) -> (InterfaceInfo, EndpointInfo) {
    let mut first = Vec::new();
    for index in 0..CONFIGURATIONS_MAX {
        let bytes = descriptor(device, now, CONFIGURATION, index, CONFIGURATION_BYTES_MAX);
        if bytes.is_empty() {
            break;
        }
        if bytes.get(5) == Some(&value) {
            return read(&bytes, alternates);
        }
        if index == 0 {
            first = bytes;
        }
    }
    read(&first, alternates)
}

fn read(mut rest: &[u8], alternates: &Alternates) -> (InterfaceInfo, EndpointInfo) {
    let (mut interfaces, mut endpoints) = (InterfaceInfo::default(), EndpointInfo::default());
    // The interface that the endpoints belong to, if it is the setting that counts.
    let mut current = None;
    while let Some(&length) = rest.first() {
        let length = usize::from(length);
        if length < 2 || length > rest.len() {
            break;
        }
        let (descriptor, after) = rest.split_at(length);
        rest = after;
        match *descriptor {
            [_, INTERFACE, number, alternate, _, class, subclass, protocol, ..] => {
                let chosen = alternates.get(usize::from(number)) == Some(&alternate);
                current = chosen.then_some(number);
                let at = interfaces.count as usize;
                if chosen && at < TABLE_ROWS {
                    interfaces.number[at] = number;
                    interfaces.class[at] = class;
                    interfaces.subclass[at] = subclass;
                    interfaces.protocol[at] = protocol;
                    interfaces.count += 1;
                }
            }
            [_, ENDPOINT, address, attributes, low, high, interval, ..] => {
                let Some(interface) = current else { continue };
                let row = row(address);
                endpoints.kind[row] = attributes & 3;
                endpoints.interval[row] = interval;
                endpoints.interface[row] = interface;
                endpoints.max_packet[row] = u16::from_le_bytes([low, high]);
            }
            _ => {}
        }
    }
    (interfaces, endpoints)
}
