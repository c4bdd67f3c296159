//! The command line, option by option, and the device tree through the real QEMU.

use super::*;

fn line(machine: &Machine) -> String {
    machine.arguments().join(" ")
}

#[test]
fn a_bare_board_has_no_network_no_monitor_and_silent_uarts() {
    let expected = "-M raspi3b -kernel k.img -serial null -serial null -display none \
                    -monitor none -nic none";
    assert_eq!(line(&Machine::new("k.img")), expected);
}

#[test]
fn the_user_network_forwards_only_from_loopback() {
    let forwards = [Forward { host: 8080, board: 80 }, Forward { host: 2323, board: 23 }];
    let line = line(&Machine::new("k.img").nic(Nic::user(forwards)));
    assert!(line.contains(
        "-netdev user,id=net0,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80,\
         hostfwd=tcp:127.0.0.1:2323-10.0.2.15:23 -device usb-net,netdev=net0,port=1"
    ));
}

#[test]
fn a_port_puts_the_adapter_on_the_root_and_none_behind_a_hub() {
    let root = line(&Machine::new("k").nic(Nic::tap("tap0")));
    assert!(root.contains("-netdev tap,id=net0,ifname=tap0,script=no,downscript=no"));
    assert!(root.ends_with("-device usb-net,netdev=net0,port=1"));
    let hub = line(&Machine::new("k").nic(Nic::tap("tap0").behind_hub().mac("02:00:00:00:00:01")));
    assert!(hub.ends_with("-device usb-net,netdev=net0,mac=02:00:00:00:00:01"));
}

#[test]
fn a_redirected_adapter_has_its_cable_elsewhere_or_by_datagrams() {
    let elsewhere = line(&Machine::new("k").nic(Nic::redirected("/t/u,1.sock").usb_pcap("u.pcap")));
    assert!(elsewhere.ends_with(
        "-nic none -chardev socket,id=redir0,path=/t/u,,1.sock \
         -device usb-redir,chardev=redir0,port=1,pcap=u.pcap"
    ));
    let forwards = vec![Forward { host: 8080, board: 80 }];
    let (qemu, adapter) = ("/t/q".into(), "/t/m".into());
    let cable = Cable::UserDatagrams { forwards, board: USER_NET_GUEST, qemu, adapter };
    let nic = Nic::redirected("/t/u").cable(cable).behind_hub().mac("02:00:00:00:00:01");
    assert!(line(&Machine::new("k").nic(nic.pcap("e.pcap"))).ends_with(
        "-netdev user,id=net0,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80 \
         -netdev dgram,id=net1,local.type=unix,local.path=/t/q,\
         remote.type=unix,remote.path=/t/m \
         -netdev hubport,id=hub-net0,hubid=0,netdev=net0 \
         -netdev hubport,id=hub-net1,hubid=0,netdev=net1 \
         -chardev socket,id=redir0,path=/t/u -device usb-redir,chardev=redir0 \
         -object filter-dump,id=pcap0,netdev=net0,file=e.pcap"
    ));
}

#[test]
fn commas_in_paths_are_doubled() {
    let nic = Nic::tap("t").pcap("a,b.pcap").usb_pcap("u.pcap");
    let line = line(&Machine::new("k").nic(nic).qmp("/tmp/q,1"));
    assert!(line.contains("-object filter-dump,id=pcap0,netdev=net0,file=a,,b.pcap"));
    assert!(line.contains("port=1,pcap=u.pcap"));
    assert!(line.contains("-qmp unix:/tmp/q,,1,server=on,wait=off"));
}

#[test]
fn the_terminal_keeps_its_monitor() {
    let console = line(&Machine::new("k").console(Serial::Terminal).argument("-S"));
    assert!(console.contains("-serial mon:stdio -serial null"));
    assert!(!console.contains("-monitor none"));
    assert!(console.ends_with("-S"));
}

/// The oracle: QEMU reads our tree, adds its own nodes to it and writes out what the kernel would
/// get.
#[test]
fn qemu_accepts_the_tree_and_puts_the_command_line_into_it() {
    let folder = std::env::temp_dir().join(format!("barewire-fdt-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("temporary folder");
    let (kernel, dump) = (folder.join("kernel.img"), folder.join("dump.dtb"));
    fs::write(&kernel, [0; 64]).expect("write");
    let machine = Machine::new(&kernel)
        .bootargs("ip=dhcp hostname=planted", folder.join("in.dtb"))
        .argument("-machine")
        .argument(format!("dumpdtb={}", dump.display()));
    let outcome = machine.command().expect("tree").output();
    let tree = fs::read(&dump);
    fs::remove_dir_all(&folder).expect("remove");
    let Ok(output) = outcome else {
        eprintln!("skipped: {PROGRAM} is not installed (package qemu-system-arm)");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let tree = tree.unwrap_or_else(|error| panic!("no dump ({error}): {said}"));
    let wanted = b"ip=dhcp hostname=planted\0";
    assert!(tree.windows(wanted.len()).any(|window| window == wanted), "{said}");
}
