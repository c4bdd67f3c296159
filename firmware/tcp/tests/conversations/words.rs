//! A line's words, and segments written with them.

use tcp::{Flags, Options, SackBlock, Seq, Timestamps};

/// The words of a line, taken one after the other.
pub struct Words<'t> {
    rest: Vec<&'t str>,
}

/// What is wrong with a script, or with what TCP did.
pub type Fault = String;

impl<'t> Words<'t> {
    pub fn new(line: &'t str) -> Self {
        let mut rest: Vec<&str> = line.split_whitespace().collect();
        rest.reverse();
        Self { rest }
    }

    pub fn next(&mut self) -> Option<&'t str> {
        self.rest.pop()
    }

    pub fn peek(&self) -> Option<&'t str> {
        self.rest.last().copied()
    }

    pub fn need(&mut self, what: &str) -> Result<&'t str, Fault> {
        self.next().ok_or_else(|| format!("{what} is missing"))
    }

    pub fn number<N: std::str::FromStr>(&mut self, what: &str) -> Result<N, Fault> {
        let word = self.need(what)?;
        word.parse().map_err(|_| format!("{what}: {word} is no number"))
    }

    /// Microseconds: 5us, 40ms, 2s, 3min, 1h, 24d.
    pub fn time(&mut self) -> Result<u64, Fault> {
        let word = self.need("a time")?;
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (number, unit) = word.split_at(digits);
        let unit = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "min" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return Err(format!("{word} is no time")),
        };
        number.parse::<u64>().map(|n| n * unit).map_err(|_| format!("{word} is no time"))
    }

    /// All that is left, as text.
    pub fn text(&mut self) -> String {
        self.rest.reverse();
        let text = self.rest.join(" ");
        self.rest.clear();
        text
    }

    pub fn end(&self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(word) => Err(format!("what does {word} mean here?")),
        }
    }
}

/// A segment as a script tells it; what it does not tell is `None`.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub flags: Flags,
    /// Relative, with wrapping.
    pub seq: Option<u32>,
    pub length: Option<u32>,
    pub ack: Option<u32>,
    pub window: Option<u16>,
    pub urgent: Option<u16>,
    pub mss: Option<u16>,
    pub scale: Option<u8>,
    pub sack_permitted: bool,
    pub stamps: Option<(u32, u32)>,
    pub blocks: Vec<(u32, u32)>,
    pub why: Option<String>,
    pub ecn: Option<u8>,
    pub hops: Option<u8>,
    pub diffserv: Option<u8>,
    /// Must not carry this option: mss, ws, sackok, ts, sack.
    pub without: Vec<String>,
    pub bad_checksum: bool,
    pub source: Option<String>,
    pub to_port: Option<u16>,
    /// Options as bytes, in place of all others.
    pub raw: Option<Vec<u8>>,
    /// So many bytes are cut off.
    pub cut: usize,
}

fn flags(word: &str) -> Result<Flags, Fault> {
    let mut flags = Flags::default();
    for letter in word.chars() {
        flags = flags
            | match letter {
                'F' => Flags::FIN,
                'S' => Flags::SYN,
                'R' => Flags::RST,
                'P' => Flags::PSH,
                '.' => Flags::ACK,
                'U' => Flags::URG,
                'E' => Flags::ECE,
                'W' => Flags::CWR,
                '-' => Flags::default(),
                _ => return Err(format!("{word}: no flag is called {letter}")),
            };
    }
    Ok(flags)
}

fn relative(word: &str) -> Result<u32, Fault> {
    let number = word.parse::<i64>().map_err(|_| format!("{word} is no number"))?;
    Ok(number as u32)
}

impl Told {
    pub fn parse(words: &mut Words<'_>) -> Result<Self, Fault> {
        let mut told = Self { flags: flags(words.need("flags")?)?, ..Self::default() };
        while let Some(word) = words.next() {
            match word {
                "seq" => {
                    let word = words.need("a sequence number")?;
                    let (seq, length) = word.split_once('+').unwrap_or((word, "0"));
                    told.seq = Some(relative(seq)?);
                    told.length = Some(relative(length)?);
                }
                "len" => told.length = Some(words.number("len")?),
                "ack" => told.ack = Some(relative(words.need("ack")?)?),
                "win" => told.window = Some(words.number("win")?),
                "urg" => told.urgent = Some(words.number("urg")?),
                "mss" => told.mss = Some(words.number("mss")?),
                "ws" => told.scale = Some(words.number("ws")?),
                "sackok" => told.sack_permitted = true,
                "ts" => {
                    let value = relative(words.need("ts")?)?;
                    told.stamps = Some((value, relative(words.need("ts echo")?)?));
                }
                "sack" => {
                    let word = words.need("a block")?;
                    let (left, right) =
                        word.split_once(':').ok_or_else(|| format!("{word} is no block"))?;
                    told.blocks.push((relative(left)?, relative(right)?));
                }
                "ecn" => {
                    told.ecn = Some(match words.need("ecn")? {
                        "not" => 0,
                        "ect" => 2,
                        "ce" => 3,
                        word => return Err(format!("ecn {word}?")),
                    });
                }
                "no" => told.without.push(words.need("an option")?.to_string()),
                "hops" => told.hops = Some(words.number("hops")?),
                "diffserv" => told.diffserv = Some(words.number("diffserv")?),
                "badsum" => told.bad_checksum = true,
                "from" => told.source = Some(words.need("an address")?.to_string()),
                "port" => told.to_port = Some(words.number("port")?),
                "cut" => told.cut = words.number("cut")?,
                "raw" => {
                    let hex = words.need("bytes")?;
                    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16);
                    let bytes: Result<Vec<u8>, _> = (0..hex.len()).step_by(2).map(byte).collect();
                    told.raw = Some(bytes.map_err(|_| format!("{hex} is not hexadecimal"))?);
                }
                "why" => told.why = Some(words.text()),
                word => return Err(format!("what does {word} mean here?")),
            }
        }
        Ok(told)
    }

    /// Options of a segment from the peer, whose numbers start at `isn`; ours at `ours`.
    pub fn options(&self, ours: Seq, our_clock: u32) -> Options {
        let mut options = Options {
            mss: self.mss,
            window_scale: self.scale,
            sack_permitted: self.sack_permitted,
            timestamps: self
                .stamps
                .map(|(value, echo)| Timestamps { value, echo: our_clock.wrapping_add(echo) }),
            ..Options::default()
        };
        for (left, right) in &self.blocks {
            let block = SackBlock { left: ours.plus(*left), right: ours.plus(*right) };
            options.sack.push(block).expect("no more than four blocks");
        }
        options
    }
}
