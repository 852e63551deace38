//! Countries and regions by their codes (ISO 3166-1 alpha-2) and by what they are called in Japanese.

use super::contract::HOME;
use super::text::search_key;

/// Code and name, in the order of their readings, by the rows of the syllabary.
const COUNTRIES: &[(&str, &[(&str, &str)])] = &[
    (
        "ア行",
        &[
            ("IS", "アイスランド"),
            ("IE", "アイルランド"),
            ("AZ", "アゼルバイジャン"),
            ("AF", "アフガニスタン"),
            ("US", "アメリカ合衆国（米国）"),
            ("VI", "アメリカ領ヴァージン諸島"),
            ("AS", "アメリカ領サモア"),
            ("UM", "アメリカ領有小離島"),
            ("AE", "アラブ首長国連邦"),
            ("DZ", "アルジェリア"),
            ("AR", "アルゼンチン"),
            ("AW", "アルバ"),
            ("AL", "アルバニア"),
            ("AM", "アルメニア"),
            ("AI", "アンギラ"),
            ("AO", "アンゴラ"),
            ("AG", "アンティグア・バーブーダ"),
            ("AD", "アンドラ"),
            ("YE", "イエメン"),
            ("GB", "イギリス（英国）"),
            ("IO", "イギリス領インド洋地域"),
            ("VG", "イギリス領ヴァージン諸島"),
            ("IL", "イスラエル"),
            ("IT", "イタリア"),
            ("IQ", "イラク"),
            ("IR", "イラン"),
            ("IN", "インド"),
            ("ID", "インドネシア"),
            ("WF", "ウォリス・フツナ"),
            ("UG", "ウガンダ"),
            ("UA", "ウクライナ"),
            ("UZ", "ウズベキスタン"),
            ("UY", "ウルグアイ"),
            ("EC", "エクアドル"),
            ("EG", "エジプト"),
            ("EE", "エストニア"),
            ("SZ", "エスワティニ"),
            ("ET", "エチオピア"),
            ("ER", "エリトリア"),
            ("SV", "エルサルバドル"),
            ("AX", "オーランド諸島"),
            ("AU", "オーストラリア"),
            ("AT", "オーストリア"),
            ("OM", "オマーン"),
            ("NL", "オランダ"),
            ("BQ", "オランダ領カリブ"),
        ],
    ),
    (
        "カ行",
        &[
            ("GH", "ガーナ"),
            ("CV", "カーボベルデ"),
            ("GG", "ガーンジー"),
            ("GY", "ガイアナ"),
            ("KZ", "カザフスタン"),
            ("QA", "カタール"),
            ("CA", "カナダ"),
            ("GA", "ガボン"),
            ("CM", "カメルーン"),
            ("KR", "韓国（大韓民国）"),
            ("GM", "ガンビア"),
            ("KH", "カンボジア"),
            ("KP", "北朝鮮"),
            ("MP", "北マリアナ諸島"),
            ("MK", "北マケドニア"),
            ("GN", "ギニア"),
            ("GW", "ギニアビサウ"),
            ("CY", "キプロス"),
            ("CU", "キューバ"),
            ("CW", "キュラソー"),
            ("GR", "ギリシャ"),
            ("KI", "キリバス"),
            ("KG", "キルギス"),
            ("GT", "グアテマラ"),
            ("GP", "グアドループ"),
            ("GU", "グアム"),
            ("KW", "クウェート"),
            ("CK", "クック諸島"),
            ("GL", "グリーンランド"),
            ("CX", "クリスマス島"),
            ("GD", "グレナダ"),
            ("HR", "クロアチア"),
            ("KY", "ケイマン諸島"),
            ("KE", "ケニア"),
            ("CI", "コートジボワール"),
            ("CC", "ココス諸島"),
            ("CR", "コスタリカ"),
            ("KM", "コモロ"),
            ("CO", "コロンビア"),
            ("CG", "コンゴ共和国"),
            ("CD", "コンゴ民主共和国"),
        ],
    ),
    (
        "サ行",
        &[
            ("SA", "サウジアラビア"),
            ("GS", "サウスジョージア・サウスサンドウィッチ諸島"),
            ("WS", "サモア"),
            ("ST", "サントメ・プリンシペ"),
            ("BL", "サン・バルテルミー"),
            ("ZM", "ザンビア"),
            ("PM", "サンピエール・ミクロン"),
            ("SM", "サンマリノ"),
            ("MF", "サン・マルタン（フランス領）"),
            ("SL", "シエラレオネ"),
            ("DJ", "ジブチ"),
            ("GI", "ジブラルタル"),
            ("JE", "ジャージー"),
            ("JM", "ジャマイカ"),
            ("GE", "ジョージア"),
            ("SY", "シリア"),
            ("SG", "シンガポール"),
            ("SX", "シント・マールテン（オランダ領）"),
            ("ZW", "ジンバブエ"),
            ("CH", "スイス"),
            ("SE", "スウェーデン"),
            ("SD", "スーダン"),
            ("SJ", "スヴァールバル・ヤンマイエン"),
            ("ES", "スペイン"),
            ("SR", "スリナム"),
            ("LK", "スリランカ"),
            ("SK", "スロバキア"),
            ("SI", "スロベニア"),
            ("SC", "セーシェル"),
            ("GQ", "赤道ギニア"),
            ("SN", "セネガル"),
            ("RS", "セルビア"),
            ("KN", "セントクリストファー・ネービス"),
            ("VC", "セントビンセント・グレナディーン"),
            ("SH", "セントヘレナ"),
            ("LC", "セントルシア"),
            ("SO", "ソマリア"),
            ("SB", "ソロモン諸島"),
        ],
    ),
    (
        "タ行",
        &[
            ("TC", "タークス・カイコス諸島"),
            ("TH", "タイ"),
            ("TW", "台湾"),
            ("TJ", "タジキスタン"),
            ("TZ", "タンザニア"),
            ("CZ", "チェコ"),
            ("TD", "チャド"),
            ("CF", "中央アフリカ"),
            ("CN", "中国（中華人民共和国）"),
            ("TN", "チュニジア"),
            ("CL", "チリ"),
            ("TV", "ツバル"),
            ("DK", "デンマーク"),
            ("DE", "ドイツ"),
            ("TG", "トーゴ"),
            ("TK", "トケラウ"),
            ("DO", "ドミニカ共和国"),
            ("DM", "ドミニカ国"),
            ("TT", "トリニダード・トバゴ"),
            ("TM", "トルクメニスタン"),
            ("TR", "トルコ"),
            ("TO", "トンガ"),
        ],
    ),
    (
        "ナ行",
        &[
            ("NG", "ナイジェリア"),
            ("NR", "ナウル"),
            ("NA", "ナミビア"),
            ("AQ", "南極"),
            ("NU", "ニウエ"),
            ("NI", "ニカラグア"),
            ("NE", "ニジェール"),
            ("EH", "西サハラ"),
            ("NC", "ニューカレドニア"),
            ("NZ", "ニュージーランド"),
            ("NP", "ネパール"),
            ("NF", "ノーフォーク島"),
            ("NO", "ノルウェー"),
        ],
    ),
    (
        "ハ行",
        &[
            ("HM", "ハード島・マクドナルド諸島"),
            ("BH", "バーレーン"),
            ("HT", "ハイチ"),
            ("PK", "パキスタン"),
            ("VA", "バチカン"),
            ("PA", "パナマ"),
            ("VU", "バヌアツ"),
            ("BS", "バハマ"),
            ("PG", "パプアニューギニア"),
            ("BM", "バミューダ"),
            ("PW", "パラオ"),
            ("PY", "パラグアイ"),
            ("BB", "バルバドス"),
            ("PS", "パレスチナ"),
            ("HU", "ハンガリー"),
            ("BD", "バングラデシュ"),
            ("TL", "東ティモール"),
            ("PN", "ピトケアン諸島"),
            ("FJ", "フィジー"),
            ("PH", "フィリピン"),
            ("FI", "フィンランド"),
            ("BT", "ブータン"),
            ("BV", "ブーベ島"),
            ("PR", "プエルトリコ"),
            ("FO", "フェロー諸島"),
            ("FK", "フォークランド諸島"),
            ("BR", "ブラジル"),
            ("FR", "フランス"),
            ("GF", "フランス領ギアナ"),
            ("PF", "フランス領ポリネシア"),
            ("TF", "フランス領南方・南極地域"),
            ("BG", "ブルガリア"),
            ("BF", "ブルキナファソ"),
            ("BN", "ブルネイ"),
            ("BI", "ブルンジ"),
            ("VN", "ベトナム"),
            ("BJ", "ベナン"),
            ("VE", "ベネズエラ"),
            ("BY", "ベラルーシ"),
            ("BZ", "ベリーズ"),
            ("PE", "ペルー"),
            ("BE", "ベルギー"),
            ("PL", "ポーランド"),
            ("BA", "ボスニア・ヘルツェゴビナ"),
            ("BW", "ボツワナ"),
            ("BO", "ボリビア"),
            ("PT", "ポルトガル"),
            ("HK", "香港"),
            ("HN", "ホンジュラス"),
        ],
    ),
    (
        "マ行",
        &[
            ("MH", "マーシャル諸島"),
            ("MO", "マカオ"),
            ("MG", "マダガスカル"),
            ("YT", "マヨット"),
            ("MW", "マラウイ"),
            ("ML", "マリ"),
            ("MT", "マルタ"),
            ("MQ", "マルティニーク"),
            ("MY", "マレーシア"),
            ("IM", "マン島"),
            ("FM", "ミクロネシア"),
            ("ZA", "南アフリカ"),
            ("SS", "南スーダン"),
            ("MM", "ミャンマー"),
            ("MX", "メキシコ"),
            ("MU", "モーリシャス"),
            ("MR", "モーリタニア"),
            ("MZ", "モザンビーク"),
            ("MC", "モナコ"),
            ("MV", "モルディブ"),
            ("MD", "モルドバ"),
            ("MA", "モロッコ"),
            ("MN", "モンゴル"),
            ("ME", "モンテネグロ"),
            ("MS", "モントセラト"),
        ],
    ),
    ("ヤ行", &[("JO", "ヨルダン")]),
    (
        "ラ行",
        &[
            ("LA", "ラオス"),
            ("LV", "ラトビア"),
            ("LT", "リトアニア"),
            ("LY", "リビア"),
            ("LI", "リヒテンシュタイン"),
            ("LR", "リベリア"),
            ("RO", "ルーマニア"),
            ("LU", "ルクセンブルク"),
            ("RW", "ルワンダ"),
            ("LS", "レソト"),
            ("LB", "レバノン"),
            ("RE", "レユニオン"),
            ("RU", "ロシア"),
        ],
    ),
];

/// What Japan is called; not among the others, because it stands first.
const JAPAN: &str = "日本";

/// Every country with its name, Japan first and the others in the order of their readings.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    std::iter::once((HOME, JAPAN)).chain(abroad().flat_map(|(_, countries)| countries.iter().copied()))
}

/// The others, by the rows of the syllabary.
pub fn abroad() -> impl Iterator<Item = (&'static str, &'static [(&'static str, &'static str)])> {
    COUNTRIES.iter().copied()
}

/// What the country of a code is called; a code that is no country's is told as it is.
pub fn name(code: &str) -> String {
    let found = all().find(|(known, _)| *known == code);
    found.map_or_else(|| format!("国コード {code}"), |(_, name)| name.to_owned())
}

/// The code of a country as people write it: its code in any width and case, or its name, whole or one of the two that
/// stand together (米国, アメリカ合衆国). None: it is neither two letters nor a name.
pub fn code(text: &str) -> Option<String> {
    let key = search_key(text);
    if key.len() == 2 && key.bytes().all(|b| b.is_ascii_lowercase()) {
        return Some(key.to_uppercase());
    }
    let is_named = |name: &str| {
        let (long, short) = name.split_once('（').unwrap_or((name, ""));
        [name, long, short.trim_end_matches('）')].iter().any(|one| !one.is_empty() && search_key(one) == key)
    };
    all().find(|(_, name)| is_named(name)).map(|(code, _)| code.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_country_stands_there_once_and_japan_first() {
        let codes: HashSet<&str> = all().map(|(code, _)| code).collect();
        let names: HashSet<&str> = all().map(|(_, name)| name).collect();
        // As many as ISO 3166-1 has.
        assert_eq!((codes.len(), names.len(), all().count()), (249, 249, 249));
        assert_eq!(all().next(), Some(("JP", "日本")));
        assert!(all().all(|(code, _)| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())));
    }

    #[test]
    fn a_country_is_known_by_its_name_and_its_code() {
        for (text, known) in [
            ("日本", "JP"),
            ("ＪＰ", "JP"),
            ("us", "US"),
            ("米国", "US"),
            ("アメリカ合衆国", "US"),
            ("アメリカ合衆国（米国）", "US"),
            ("フィリピン", "PH"),
            ("ﾌｨﾘﾋﾟﾝ", "PH"),
            ("中国", "CN"),
        ] {
            assert_eq!(code(text).as_deref(), Some(known), "{text}");
        }
        assert_eq!(code("どこか"), None);
        assert_eq!(code(""), None);
        assert_eq!((name("VN").as_str(), name("QQ").as_str()), ("ベトナム", "国コード QQ"));
    }
}
