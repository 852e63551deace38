//! `If-Match`: which versions of a resource a change was made from.

use super::Failure;

/// The versions that `If-Match` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whichever it is.
    Any,
    These(Vec<i64>),
}

impl IfMatch {
    /// Reads the header. A weak tag counts as the strong one: a proxy that compresses weakens it, and the version is
    /// what it was. A tag that is none of ours names no version.
    pub fn parse(text: &str) -> Self {
        let tags = text.split(',').map(str::trim);
        if tags.clone().any(|tag| tag == "*") {
            return Self::Any;
        }
        let version = |tag: &str| {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag).parse().ok()
        };
        Self::These(tags.filter_map(version).collect())
    }

    /// Refuses a change that was made from another version than the current one.
    pub fn covers(&self, current: i64) -> Result<(), Failure> {
        match self {
            Self::These(versions) if !versions.contains(&current) => Err(Failure::Stale),
            Self::Any | Self::These(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_and_weak_tags_lists_and_the_star_are_read() {
        for text in ["\"3\"", "W/\"3\"", "3", " \"2\" , W/\"3\" ", "*", "\"x\", *"] {
            assert!(IfMatch::parse(text).covers(3).is_ok(), "{text}");
        }
        for text in ["\"2\"", "W/\"33\"", "\"x\"", "", "w/\"3\"", "\"3"] {
            assert!(matches!(IfMatch::parse(text).covers(3), Err(Failure::Stale)), "{text}");
        }
    }
}
