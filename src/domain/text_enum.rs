//! Enums that stand as one fixed word in JSON, in the database and on the command line.

/// An enum with one stable text per variant, the same in every room.
pub trait TextEnum: Copy + Sized + 'static {
    /// Every variant, in the order declared.
    const ALL: &'static [Self];
    /// The stable word.
    fn as_str(self) -> &'static str;
    /// The variant whose word this is.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|v| v.as_str() == text)
    }
}

/// Declares an enum whose variants have fixed words: `text_enum! { pub enum Kind { A = "a", B = "b" } }`.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }
        impl $crate::domain::text_enum::TextEnum for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn as_str(self) -> &'static str { match self { $(Self::$variant => $text),+ } }
        }
        impl $name {
            /// The stable word of the variant.
            pub fn as_str(self) -> &'static str { $crate::domain::text_enum::TextEnum::as_str(self) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                <Self as $crate::domain::text_enum::TextEnum>::parse(text)
                    .ok_or_else(|| format!("{text:?} is not one of {}", [$($text),+].join(", ")))
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
