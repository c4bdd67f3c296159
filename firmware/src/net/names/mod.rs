//! What names mean: of hosts ([`hosts`], [`dns`]) and of ports ([`services`]).

pub mod dns;
pub mod services;
