//! Flattening small hand-made ELF files.

use super::*;

const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;

/// An ELF with these loadable segments: physical address, bytes in the file, bytes in memory.
fn elf(segments: &[(u64, &[u8], u64)]) -> Vec<u8> {
    let mut file = vec![0; HEADER_BYTES + segments.len() * PROGRAM_HEADER_BYTES];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(&mut file, 16, &2u16.to_le_bytes());
    put(&mut file, 18, &EM_AARCH64.0.to_le_bytes());
    put(&mut file, 20, &1u32.to_le_bytes());
    put(&mut file, 32, &(HEADER_BYTES as u64).to_le_bytes());
    put(&mut file, 52, &(HEADER_BYTES as u16).to_le_bytes());
    put(&mut file, 54, &(PROGRAM_HEADER_BYTES as u16).to_le_bytes());
    put(&mut file, 56, &(segments.len() as u16).to_le_bytes());
    for (index, (address, data, memory)) in segments.iter().enumerate() {
        let at = HEADER_BYTES + index * PROGRAM_HEADER_BYTES;
        let offset = file.len() as u64;
        file.extend_from_slice(data);
        put(&mut file, at, &PT_LOAD.0.to_le_bytes());
        put(&mut file, at + 8, &offset.to_le_bytes());
        // The virtual address is another one, and must not matter.
        put(&mut file, at + 16, &0xffff_0000_0000_0000_u64.to_le_bytes());
        put(&mut file, at + 24, &address.to_le_bytes());
        put(&mut file, at + 32, &(data.len() as u64).to_le_bytes());
        put(&mut file, at + 40, &memory.to_le_bytes());
    }
    file
}

fn why(result: Result<Vec<u8>>) -> String {
    result.expect_err("refused").to_string()
}

#[test]
fn segments_lie_at_their_physical_addresses_with_zeroes_between() {
    let file = elf(&[(0x80008, b"cd", 2), (0x80000, b"ab", 2), (0x90000, b"", 4096)]);
    assert_eq!(flatten(&file).expect("flat"), b"ab\0\0\0\0\0\0cd");
}

#[test]
fn bss_at_the_end_takes_no_room_in_the_file() {
    assert_eq!(flatten(&elf(&[(0x80000, b"abc", 1 << 20)])).expect("flat"), b"abc");
}

#[test]
fn an_elf_that_cannot_be_an_image_is_refused() {
    assert!(why(flatten(b"not an ELF")).contains("cannot read the ELF"));
    assert!(why(flatten(&elf(&[]))).contains("nothing to load"));
    assert!(why(flatten(&elf(&[(0, b"abcd", 4), (2, b"x", 1)]))).contains("overlap at 0x2"));
    assert!(why(flatten(&elf(&[(0, b"a", 1), (1 << 40, b"b", 1)]))).contains("too far apart"));
    assert!(why(flatten(&elf(&[(0, b"a", 1), (u64::MAX, b"b", 1)]))).contains("too far apart"));
    let mut short = elf(&[(0, b"abcd", 4)]);
    short.pop();
    assert!(why(flatten(&short)).contains("outside the file"));
    let mut other = elf(&[(0, b"a", 1)]);
    other[18] = 62;
    assert!(why(flatten(&other)).contains("not for AArch64"));
}

#[test]
fn the_header_is_looked_at() {
    let mut image = vec![0; 128];
    assert!(check_header(&image[..63]).is_err());
    assert!(check_header(&image).expect_err("magic").to_string().contains("Image header"));
    image[header::MAGIC_AT..][..4].copy_from_slice(header::MAGIC);
    assert!(check_header(&image).expect_err("size").to_string().contains("says 0 bytes"));
    image[header::IMAGE_SIZE_AT] = 128;
    assert_eq!(check_header(&image), Ok(()));
}

#[test]
fn the_limit_is_a_limit() {
    assert_eq!(check_size(LIMIT_BYTES), Ok(()));
    assert!(check_size(LIMIT_BYTES + 1).expect_err("large").to_string().contains("1 more"));
}

#[test]
fn groups_are_summed_by_the_caller_s_names() {
    let weight = Weight { image: 3, sections: vec![("text".into(), 5), ("bss".into(), 7)] };
    assert_eq!((weight.section("text"), weight.section("dma"), weight.memory()), (5, 0, 12));
}
