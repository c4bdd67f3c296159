//! Messages above UDP that no tool at hand makes.

use super::builder::*;

fn dns(header: [u8; 12], rest: &[u8]) -> Vec<u8> {
    udp(53, 5000, &[&header[..], rest].concat())
}

/// A record at the start of a message without questions: name, type, class, data.
fn record(name: &[u8], kind: u16, class: u16, data: &[u8]) -> Vec<u8> {
    let mut rest = name.to_vec();
    rest.extend(kind.to_be_bytes());
    rest.extend(class.to_be_bytes());
    rest.extend([0, 1, 0x51, 0x8a]);
    rest.extend((data.len() as u16).to_be_bytes());
    rest.extend(data);
    dns([0x12, 0x34, 0x84, 0x00, 0, 0, 0, 1, 0, 0, 0, 0], &rest)
}

/// Messages of all protocols above UDP.
pub fn messages() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let question = b"\x02pi\x05local\x00\x00\x01\x00\x01";
    for flags in
        [0x0100_u16, 0x0110, 0x0800, 0x2800, 0x7800, 0x8180, 0x8583, 0x8400, 0x86a5, 0xa81f]
    {
        let [high, low] = flags.to_be_bytes();
        for questions in [0, 1, 2] {
            frames.push(dns([0, 7, high, low, 0, questions, 0, 0, 0, 0, 0, 0], question));
        }
        frames.push(dns([0, 7, high, low, 0, 1, 0, 2, 0, 3, 0, 4], question));
        let edns = [&question[..], b"\x00\x00\x29\x04\xd0\x01\x00\x80\x00\x00\x00"].concat();
        frames.push(dns([0, 7, high, low, 0, 1, 0, 0, 0, 0, 0, 1], &edns));
    }
    let name = b"\x02pi\x05local\x00";
    for (kind, data) in [
        (1_u16, &[10, 0, 0, 1][..]),
        (1, &[10, 0]),
        (28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (2, b"\x02ns\xc0\x0f"),
        (5, b"\xc0\x0c"),
        (12, b"\xc0\xff"),
        (39, b"\x80\x00"),
        (12, b"\x43abc\x00"),
        (12, b"\x41\x08\xff\x41\x03\xe0\x00"),
        (6, b"\x02ns\x00\x04root\x00\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05"),
        (15, b"\x00\x0a\x04mail\x00"),
        (16, b"\x03abc\x00\x02\x01\xff"),
        (16, b"\x09abc"),
        (33, b"\x00\x01\x00\x02\x00\x50\x02pi\x00"),
        (38, b"\x40\x00\x00\x00\x00\x00\x00\x00\x01\x02pi\x00"),
        (38, b"\x00\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
        (38, b"\x81"),
        (41, b"\x00\x0a\x00\x08abcdefgh\x00\x0b\x00\x02\x00\x23\x00\x0c\x00\x04\0\0\0\0"),
        (41, b"\x00\x08\x00\x07\x00\x01\x18\x00\x0a\x01\x00\x00\x09\x00\x04\0\0\0\x09"),
        (
            41,
            b"\x00\x05\x00\x02\x08\x0d\x00\x06\x00\x01\x02\x00\x07\x00\x01\x01\x00\x0e\
          \x00\x04\0\x01\0\x02",
        ),
        (41, b"\x00\x0a\x00\x03abc\x00\x0e\x00\x01a\x00\x03\x00\x02hi\x12\x34\x00\x00"),
        (41, b"\x00\x0a"),
        (104, b"text"),
        (250, b"\x03key\x00\0\0\0\0\0\0\0\x05\0\x02ab\0\x01\0\x00\0\x00"),
        (256, b"\x00\x01\x00\x02http://pi/"),
        (257, b"\x00\x05issue"),
        (47, b"\x00"),
    ] {
        for class in [1, 3, 255, 0x8001, 7] {
            frames.push(record(name, kind, class, data));
        }
        let mut multicast = record(name, kind, 0x8001, data);
        (multicast[34], multicast[35]) = (0x14, 0xe9);
        frames.push(multicast);
    }
    frames.push(record(&[b'\x3f'; 64].repeat(5), 1, 1, &[1, 2, 3, 4]));
    let mut asked = dns([0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0], &[&question[..], question].concat());
    (asked[34], asked[35]) = (0x14, 0xe9);
    let at = asked.len() - 2;
    asked[at] = 0x80;
    frames.push(asked);
    frames.push(udp(53, 5000, b"short"));
    frames.extend(bootp_messages());
    for poll in [0, 6, 31, 40, 0xfa] {
        for first in [0x23, 0x1b, 0xe4, 0x5c, 0x99, 0x26, 0x27, 0x00] {
            let mut message = vec![first, poll % 3 + u8::from(poll == 40) * 62, poll, 0xe9];
            message.extend((0..60_u8).map(|byte| (byte * 3).wrapping_add(first)));
            frames.push(udp(123, 5000, &message[..48]));
            frames.push(udp(123, 5000, &message[..52]));
        }
    }
    let zeros = [&[0x24, 1, 6, 0xe9][..], &[0; 8], b"GPS\0", &[0; 32]].concat();
    for extra in [0, 4, 8, 20, 24] {
        frames.push(udp(123, 123, &[&zeros[..], &vec![7; extra]].concat()));
    }
    frames.push(udp(123, 123, &zeros[..40]));
    frames.push(udp(123, 123, b"\x26\xe1\x00\x01\x00\x00\x00\x02\x00\x00\x00\x04data"));
    for message in [
        &b"\x00\x01kernel8.img\0octet\0"[..],
        b"\x00\x02up\0netascii\0blksize\x001024\0",
        b"\x00\x03\x00\x01data",
        b"\x00\x04\x00\x01",
        b"\x00\x05\x00\x01File not found\0",
        b"\x00\x05\x00\x09strange\0",
        b"\x00\x05\x00\x01",
        b"\x00\x06blksize\x001024\0tsize\x0012\0",
        b"\x00\x07",
        b"\x00",
        b"\x00\x01no end",
        b"\x00\x01name\0",
    ] {
        frames.push(udp(5000, 69, message));
    }
    for message in
        [&b"<14>hello"[..], b"<191>x", b"<999>x", b"<1234>x", b"14 hello", b"<>\x01\xffx"]
    {
        frames.push(udp(5000, 514, message));
    }
    frames.push(udp(5060, 5060, b"INVITE sip:pi SIP/2.0\r\nFrom: me\r\n"));
    frames.push(udp(5060, 5060, b"SIP/2.0 200 OK\r\n"));
    for (place, value) in [(39, 4), (39, 200), (38, 1), (40, 1)] {
        let mut bytes = udp(5000, 5001, b"payload");
        bytes[place] = value;
        frames.push(bytes);
    }
    let mut without = udp(5000, 5001, b"no checksum");
    (without[40], without[41]) = (0, 0);
    frames.push(without);
    frames.push(ip(17, &[0, 1, 0, 2, 0, 8]));
    frames
}

fn bootp_messages() -> Vec<Vec<u8>> {
    let mut header = vec![1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 3, 0x80, 0];
    header.extend([10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3, 10, 0, 0, 4]);
    header.extend([2, 0, 0, 0, 0, 9]);
    header.resize(236, 0);
    header[44..48].copy_from_slice(b"name");
    header[108..112].copy_from_slice(b"file");
    let cookie = [99, 130, 83, 99];
    let options: &[&[u8]] = &[
        b"\x35\x01\x01\x37\x06\x01\x03\x06\x0f\x1c\xc8\xff",
        b"\x35\x01\x05\x36\x04\x0a\0\0\x01\x33\x04\0\0\x0e\x10\x01\x04\xff\xff\xff\
          \0\x03\x04\x0a\0\0\x01\xff",
        b"\x35\x02\x01\x02\x0c\x02pi\x0f\x03lan\x02\x04\xff\xff\xf1\xf0\xff",
        b"\x39\x02\x05\xdc\x3d\x07\x01\x02\0\0\0\0\x09\x3d\x03\0ab\x3d\x05\xff\x01\
          \x02\x03\x04\x3d\0\xff",
        b"\x51\x05\x05\0\0pi\x51\x02\x01\x01\x51\x06\xf1\x01\x02abc\xff",
        b"\x52\x08\x01\x02ab\x02\x02cd\x52\x05\x09\x03abc\x52\x04\x01\x09ab\xff",
        b"\x79\x0c\x00\x0a\0\0\x01\x10\xac\x10\x0a\0\0\x02\x79\x02\x18\x01\x79\x06\
          \x21\x0a\0\0\x01\x02\x79\x05\x18\x0a\0\0\x01\xff",
        b"\x4d\x06\x02ab\x02cd\x4d\x01\x01\x4d\x03\x09ab\x4d\x02\0\0\xff",
        b"\x2e\x01\x08\x2e\x02\x03\x01\x34\x01\x03\x34\0\xff",
        b"\x13\x02\0\x01\x13\x01\x07\x15\x08\x0a\0\0\x01\x0a\0\0\x02\x3a\x05\0\0\0\x01\x02\xff",
        b"\xe0\x04\0\0\0\x01\xe1\x02\x01\x02\xe2\x03\x01\x02\x03\xe3\0\xff",
        b"\0\0\0\x35\x01\x63\0\0\xff\0\0",
        b"\x0c\x20short",
        b"\x35",
    ];
    let mut frames = Vec::new();
    for options in options {
        for (operation, flags) in [(1, 0x80), (2, 0)] {
            header[0] = operation;
            header[10] = flags;
            frames.push(udp(68, 67, &[&header[..], &cookie, options].concat()));
        }
    }
    frames.push(udp(68, 67, &[&header[..], b"CMU\0\0\0\0\x03", &[10; 56]].concat()));
    frames.push(udp(68, 67, &[&header[..], &[1, 2, 3, 4]].concat()));
    frames.push(udp(68, 67, &header));
    header[1] = 6;
    header[0] = 9;
    header[3] = 2;
    frames.push(udp(67, 68, &[&header[..], &cookie, &[255]].concat()));
    header[44..108].fill(b'x');
    frames.push(udp(67, 68, &[&header[..], &cookie, &[255]].concat()));
    frames
}
