//! The device tree. Input: what is at the address that the board's firmware hands over.

use firmware::config::Config;
use firmware::config::dtb::{bootargs, bytes_of};

/// What is found lies in the tree; a tree that is cut off is refused; what follows it is not looked
/// at.
pub fn check(input: &[u8]) {
    let found = bootargs(input);
    let length = input.first_chunk().and_then(|head| bytes_of(*head).ok());
    match found {
        Err(error) => assert!(error.to_string().starts_with("device tree: ")),
        Ok(line) => {
            let length = length.expect("a tree has a length");
            let tree = &input[..length];
            assert_eq!(bootargs(tree), found, "the bytes behind the tree matter");
            assert!(bootargs(&tree[..length - 1]).is_err(), "a tree that is cut off");
            let Some(line) = line else { return };
            assert!(!line.contains('\0'));
            assert!(line.is_empty() || lies_in_structure(tree, line));
            assert_eq!(Config::of_board(Some(input), b"hostname=other"), Config::parse(line));
        }
    }
    let (config, _) = Config::of_board(Some(input), b"");
    assert!(!config.hostname.is_empty());
}

/// True if the line, with the zero behind it, is in the structure block as the header has it.
fn lies_in_structure(tree: &[u8], line: &str) -> bool {
    let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| tree[at + i])) as usize;
    let (offset, size) = (word(8), word(36));
    let structure = tree[offset..offset + size].as_ptr_range();
    let line = line.as_bytes().as_ptr_range();
    structure.contains(&line.start) && structure.contains(&line.end)
}
