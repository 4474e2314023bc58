//! Personal data in a text: numbers with check digits and other shapes that validators know.
//!
//! One pass of 64-byte masks finds where digits begin, `@` stands or two colons are near;
//! text without them costs nothing more. At each such place validators read some tens of
//! bytes (their bounds are stated in each), so the time is linear in the text whatever it
//! holds. An ASCII letter or digit beside a number means that it is part of something longer.

mod card;
mod cn_resident_id;
mod country_codes;
mod email;
mod iban;
mod ip;
mod number;
mod phone;
mod sweep;
mod us_ssn;

#[cfg(test)]
mod tests;

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A payment card's number.
    Card,
    /// An international bank account number.
    Iban,
    /// A United States social security number.
    UsSsn,
    /// A number of a Chinese resident identity card.
    CnResidentId,
    /// A telephone number.
    Phone,
    /// An IP address that the internet routes.
    Ip,
    /// An IP address of a private network.
    PrivateIp,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Email,
        Kind::Card,
        Kind::Iban,
        Kind::UsSsn,
        Kind::CnResidentId,
        Kind::Phone,
        Kind::Ip,
        Kind::PrivateIp,
    ];

    /// The kind's name in the configuration and in what is reported, such as `us_ssn`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Card => "card",
            Kind::Iban => "iban",
            Kind::UsSsn => "us_ssn",
            Kind::CnResidentId => "cn_resident_id",
            Kind::Phone => "phone",
            Kind::Ip => "ip",
            Kind::PrivateIp => "private_ip",
        }
    }

    /// What a placeholder calls it: `EMAIL` in `[EMAIL_1]`.
    pub const fn label(self) -> &'static str {
        match self {
            Kind::Email => "EMAIL",
            Kind::Card => "CARD",
            Kind::Iban => "IBAN",
            Kind::UsSsn => "SSN",
            Kind::CnResidentId => "RESIDENT_ID",
            Kind::Phone => "PHONE",
            Kind::Ip | Kind::PrivateIp => "IP",
        }
    }

    /// The kind called `name` in the configuration.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    /// Every kind.
    pub fn all() -> Kinds {
        Kind::ALL.into_iter().collect()
    }

    /// Whether `kind` is in the set.
    #[inline]
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Kinds {
        Kinds(kinds.into_iter().fold(0, |set, kind| set | kind.bit()))
    }
}

/// A finding: bytes `start..end` of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// Finds what is of `kinds` in `text`, first things first and none over another.
pub fn scan(text: &[u8], kinds: Kinds, found: &mut impl FnMut(Found)) {
    if !kinds.is_empty() {
        sweep::sweep(text, kinds, found);
    }
}
