//! The service over real Unix sockets: a guest, a wire, a hand at the control channel. No QEMU.

use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use usbredir::codec;
use usbredir::message::{Capabilities, Hello, Message, Status};
use usbredir::service::{Life, Service, command};
use usbredir::wire::Wire;

use crate::fake::Fake;
use crate::guest::{QEMU, ended, give, parse, want};

/// Long enough for a machine under load; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

struct Guest {
    stream: UnixStream,
    shared: Capabilities,
    bytes: Vec<u8>,
    heard: Vec<(u64, Message)>,
}

impl Guest {
    fn say(&mut self, id: u64, message: &Message) {
        let mut bytes = Vec::new();
        codec::encode(id, message, self.shared, &mut bytes);
        self.stream.write_all(&bytes).expect("write");
    }

    /// The next message; reads until it is there.
    fn hear(&mut self) -> (u64, Message) {
        while self.heard.is_empty() {
            let mut chunk = [0; 4096];
            let count = self.stream.read(&mut chunk).expect("an answer in time");
            assert_ne!(count, 0, "the server has closed the connection");
            self.bytes.extend_from_slice(&chunk[..count]);
            self.heard = parse(&mut self.bytes, self.shared);
        }
        self.heard.remove(0)
    }
}

#[test]
fn a_frame_goes_in_and_out_and_the_plug_comes_and_goes() {
    let folder = std::env::temp_dir().join(format!("barewire-usbredir-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("temporary folder");
    let at = |name: &str| -> PathBuf { folder.join(name) };
    let neighbour = UnixDatagram::bind(at("neighbour")).expect("bind");
    neighbour.set_read_timeout(Some(PATIENCE)).expect("timeout");
    let wire = Wire::datagrams(&at("wire"), &at("neighbour")).expect("wire");
    let service = Service::bind(&at("usb"), Some(&at("control")), wire, Life::Forever);
    let service = service.expect("bind").quiet();
    let thread = thread::spawn(move || service.run(Fake::default(), None));

    let stream = UnixStream::connect(at("usb")).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    let (bytes, heard) = (Vec::new(), Vec::new());
    let mut guest = Guest { stream, shared: Capabilities(0), bytes, heard };
    assert!(matches!(guest.hear(), (0, Message::Hello(_))));
    guest.say(0, &Message::Hello(Hello { version: [b'q'; 64], capabilities: Some(QEMU) }));
    guest.shared = Capabilities::OURS;
    while !matches!(guest.hear().1, Message::DeviceConnect(_)) {}
    guest.say(1, &Message::SetConfiguration { configuration: 1 });
    while !matches!(guest.hear().1, Message::ConfigurationStatus { .. }) {}

    guest.say(2, &want(0x81, 2048));
    guest.say(3, &give(2, &[0xaa; 60]));
    assert_eq!(guest.hear(), (3, ended(2, Status::Success, 60, &[])));
    let mut frame = [0; 2048];
    assert_eq!(neighbour.recv(&mut frame).expect("a frame"), 60);
    assert_eq!(frame[..60], [0xaa; 60]);
    neighbour.send_to(&[0xbb; 42], at("wire")).expect("send");
    let padded = [&[0xbb; 42][..], &[0; 18]].concat();
    assert_eq!(guest.hear(), (2, ended(0x81, Status::Success, 60, &padded)));

    let say = |line| command(&at("control"), line);
    assert_eq!(say("link up").expect("ok"), "");
    let stats = say("stats").expect("ok");
    for expected in ["plugged=true", "wire_received=1", "wire_sent=1", "bulk_in=1", "link=true"] {
        assert!(stats.split(' ').any(|word| word == expected), "{expected} in {stats}");
    }
    assert_eq!(say("fault fire").expect_err("no such fault").to_string(), {
        "\"fault fire\": faults are stall"
    });
    assert!(say("dance").is_err());
    guest.say(4, &want(0x81, 2048));
    say("fault stall").expect("ok");
    assert_eq!(guest.hear(), (4, ended(0x81, Status::Stall, 0, &[])));
    guest.say(5, &want(0x81, 2048));
    guest.say(6, &Message::GetConfiguration);
    assert!(matches!(guest.hear(), (6, _)));
    say("unplug").expect("ok");
    assert_eq!(guest.hear(), (5, ended(0x81, Status::Cancelled, 0, &[])));
    assert_eq!(guest.hear(), (0, Message::DeviceDisconnect));
    say("plug").expect("ok");
    while !matches!(guest.hear().1, Message::DeviceConnect(_)) {}

    // A connection that breaks the rules is closed, and the next one is served.
    guest.say(9, &Message::DeviceDisconnect);
    let mut rest = Vec::new();
    guest.stream.read_to_end(&mut rest).expect("closed");
    let mut second = UnixStream::connect(at("usb")).expect("connect again");
    second.set_read_timeout(Some(PATIENCE)).expect("timeout");
    second.read_exact(&mut [0; 80]).expect("a hello");

    say("quit").expect("ok");
    thread.join().expect("no panic").expect("a good end");
    drop(second);
    assert!(!at("usb").exists() && !at("control").exists() && !at("wire").exists());
    std::fs::remove_dir_all(&folder).expect("remove");
}
