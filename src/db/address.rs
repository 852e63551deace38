//! The URL of a PostgreSQL server as libpq reads it: what it is given beside what the operator wrote, and its ports.

/// What libpq and the kernel wait at most, where the URL does not say otherwise. Without them an attempt takes as long as
/// TCP tries, two minutes and more, and a line that is cut off a quarter of an hour.
const BOUNDS: [(&str, &str); 5] = [
    // Seconds, for each host.
    ("connect_timeout", "3"),
    // An idle line is dead after 5 + 3 × 2 seconds,
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
    // and one on which something was sent after so many milliseconds.
    ("tcp_user_timeout", "6000"),
];

/// The parts of a URL after credentials: hosts with their ports, and the parameters.
fn parts(url: &str) -> (&str, Vec<(&str, &str)>) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // Credentials end at the first @ before a /.
    let rest = match rest.find(['@', '/']).map(|at| rest.split_at(at)) {
        Some((_, place)) if place.starts_with('@') => place.trim_start_matches('@'),
        _ => rest,
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let hosts = place.split('/').next().unwrap_or_default();
    (hosts, query.split('&').filter_map(|part| part.split_once('=')).collect())
}

/// The URL with the bounds that it does not set itself.
pub(super) fn bounded(url: &str) -> String {
    let (_, set) = parts(url);
    let own = BOUNDS.iter().filter(|(key, _)| set.iter().all(|(it, _)| it != key));
    let own: Vec<String> = own.map(|(key, value)| format!("{key}={value}")).collect();
    let sign = match (own.is_empty(), url.contains('?')) {
        (true, _) => "",
        (false, true) => "&",
        (false, false) => "?",
    };
    format!("{url}{sign}{}", own.join("&"))
}

/// Every port on which a server of the URL may listen.
pub(super) fn ports(url: &str) -> Vec<u16> {
    let (hosts, set) = parts(url);
    let own = hosts.split(',').filter_map(|host| {
        // An IPv6 address has colons of its own, in brackets.
        let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
        after.rsplit_once(':')?.1.parse().ok()
    });
    let named = set.iter().filter(|(key, _)| *key == "port").flat_map(|(_, ports)| ports.split([',', '%']));
    // A comma may stand as %2C.
    let named = named.filter_map(|port| port.trim_start_matches("2C").parse().ok());
    let usual = std::env::var("PGPORT").ok().and_then(|port| port.parse().ok()).unwrap_or(5432);
    own.chain(named).chain([usual]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_is_kept_and_what_it_does_not_say_is_bounded() {
        let rest = "keepalives_idle=5&keepalives_interval=2&keepalives_count=3&tcp_user_timeout=6000";
        let all = format!("connect_timeout=3&{rest}");
        assert_eq!(bounded("postgres:///itaku"), format!("postgres:///itaku?{all}"));
        assert_eq!(
            bounded("postgres://h/d?sslmode=require"),
            format!("postgres://h/d?sslmode=require&{all}")
        );
        assert_eq!(
            bounded("postgres://h/d?connect_timeout=1"),
            format!("postgres://h/d?connect_timeout=1&{rest}")
        );
        // In a password it is no parameter.
        let password = "postgres://u:connect_timeout=1@h/d";
        assert_eq!(bounded(password), format!("{password}?{all}"));
    }

    #[test]
    fn every_port_of_the_url_is_known() {
        for (url, expected) in [
            ("postgres://h/d", &[5432][..]),
            ("postgres://u:p:1@h:6432/d", &[6432, 5432]),
            ("postgres://u@a:5433,b:5434/d?target_session_attrs=read-write", &[5433, 5434, 5432]),
            ("postgres://[::1]:5435/d", &[5435, 5432]),
            ("postgres://[::1]/d", &[5432]),
            ("postgres:///d?host=/run/postgresql&port=5436", &[5436, 5432]),
            ("postgres:///d?host=a,b&port=5436%2C5437", &[5436, 5437, 5432]),
        ] {
            assert_eq!(ports(url), expected, "{url}");
        }
    }
}
