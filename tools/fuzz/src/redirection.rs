//! Messages of the usbredir protocol. Input: what both sides can do (one byte of capabilities),
//! then a stream.

use usbredir::codec::{Tagged, decode, encode};
use usbredir::limits::BODY_BYTES_MAX;
use usbredir::message::Capabilities;

/// Bytes of the longest header.
const HEADER_BYTES_MAX: usize = 16;
/// Messages of one input.
const MESSAGES_MAX: usize = 64;

/// Each message takes the bytes it has; less of them is no message yet; and written again it is the
/// same message.
pub fn check(input: &[u8]) {
    let Some((&head, mut stream)) = input.split_first() else { return };
    let shared = Capabilities(head.into());
    for _ in 0..MESSAGES_MAX {
        let Ok(Some((tagged, taken))) = decode(stream, shared) else { return };
        assert!((12..=stream.len().min(HEADER_BYTES_MAX + BODY_BYTES_MAX)).contains(&taken));
        let bytes = &stream[..taken];
        assert_eq!(decode(bytes, shared), Ok(Some((tagged.clone(), taken))));
        for cut in [0, 4, 8, 12, taken / 2, taken - 1] {
            assert_eq!(decode(&bytes[..cut.min(taken - 1)], shared), Ok(None));
        }
        again(&tagged, shared);
        stream = &stream[taken..];
    }
}

/// Fields that the guest may leave out have a value afterwards; so it is the second writing that
/// must equal the first.
fn again(tagged: &Tagged, shared: Capabilities) {
    let write = |tagged: &Tagged| {
        let mut bytes = Vec::new();
        encode(tagged.id, &tagged.message, shared, &mut bytes);
        bytes
    };
    let bytes = write(tagged);
    let Ok(Some((read, taken))) = decode(&bytes, shared) else {
        panic!("what was written is no message: {tagged:?}");
    };
    assert_eq!((taken, write(&read)), (bytes.len(), bytes));
    assert_eq!(read.id, tagged.id);
    assert_eq!(read.message.kind(), tagged.message.kind());
}
