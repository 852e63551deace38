use proptest::prelude::*;

use super::*;
use crate::exchange::real_file;

const GBIZINFO: &str = "date_of_order,title,amount,government_departments,joint_signatures,corporate_number";
/// Passes the check and can belong to nobody.
const NOBODY: &str = "9000000000000";

fn today() -> NaiveDate {
    "2026-04-01".parse().unwrap()
}

fn d(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn read_text(text: &str) -> ContractFile {
    read(text.as_bytes(), today()).unwrap()
}

/// Line and codes of every bad row.
fn bad(file: &ContractFile) -> Vec<(u64, Vec<&'static str>)> {
    file.bad().map(|(line, errors)| (line, errors.iter().map(|e| e.code).collect())).collect()
}

fn counts(file: &ContractFile) -> (usize, usize, usize) {
    (file.taken().count(), file.duplicates().count(), file.bad().count())
}

#[test]
fn gbizinfo_rows_are_taken_duplicates_or_bad() {
    let file = read_text(&format!(
        "\u{feff}{GBIZINFO}\n\
         2020-02-29T00:00:00+09:00,架空調査,1000,架空省／例示省,\"架空株式会社，例示株式会社,Example Co., Ltd.\",{NOBODY}\n\
         2020-02-29T00:00:00+09:00,架空調査,１０００,架空省／例示省,\"架空株式会社，例示株式会社,Example Co., Ltd.\",{NOBODY} \n\
         ,件名,,架空省,,{NOBODY}\n\
         2910-04-01T00:00:00+09:00,件名,90000000167598800,架空省,,1{NOBODY}\n\
         2020-04-01T00:00:00+09:00,番号 1234-5678-9018,5,架空省,,{NOBODY}\n"
    ));
    assert_eq!((file.origin, file.encoding), (Origin::Gbizinfo, Encoding::Utf8Bom));
    assert_eq!(file.duplicates().collect::<Vec<_>>(), [(3, 2)]);
    assert_eq!(
        bad(&file),
        [
            (4, vec!["required", "required"]),
            (5, vec!["date_out_of_range", "too_large", "corporate_number"]),
            (6, vec!["my_number"]),
        ]
    );
    let (line, contract) = file.taken().next().unwrap();
    assert_eq!(line, 2);
    assert_eq!(contract.agencies.names, ["架空省", "例示省"]);
    assert_eq!(contract.joint_vendors, ["架空株式会社", "例示株式会社", "Example Co., Ltd."]);
    assert_eq!((contract.signed_on, contract.ends_on), (d("2020-02-29"), d("2020-03-31")));
    assert_eq!((contract.fiscal_year, contract.period_assumed, contract.amount_yen), (2019, true, 1000));
    assert!(contract.number.starts_with("gbiz-") && contract.number.len() == 21);
    assert_eq!(contract.vendor.corporate_number.unwrap().as_str(), NOBODY);
}

#[test]
fn portal_rows_have_no_header() {
    let row = |case: &str, method: &str, name: &str, number: &str| {
        format!(
            "\"{case}\",\"架空業務\",\"2026-03-31\",\"31389000.00\",\"A1\",\"{method}\",\"{name}\",\"{number}\"\r\n"
        )
    };
    let file = read_text(&format!(
        "\u{feff}{}{}{}{}{}{}{}",
        row("0001", "8002010", "株式会社架空", NOBODY),
        row("0002", "8002050", "株式会社架空", NOBODY),
        row("0002", "8002050", "例示 太郎", ""),
        row("0001", "8002010", "別の名", ""),
        row("0003", "999", "", "1"),
        row("0001", "8002010", "株式会社架空", NOBODY),
        "\"0004\",\"欠けた行\"\r\n",
    ));
    assert_eq!(file.origin, Origin::Portal);
    let taken: Vec<_> = file.taken().map(|(line, contract)| (line, contract.number.as_str())).collect();
    assert_eq!(taken, [(1, "0001"), (2, "0002-9000000000000"), (3, "0002-例示太郎")]);
    assert_eq!(file.duplicates().collect::<Vec<_>>(), [(6, 1)]);
    assert_eq!(
        bad(&file),
        [
            (4, vec!["duplicate_number"]),
            (5, vec!["unknown_code", "required", "corporate_number"]),
            (7, vec!["column_count"])
        ]
    );
    let (_, first) = file.taken().next().unwrap();
    assert_eq!((first.amount_yen, first.agencies.names.clone()), (31_389_000, vec!["衆議院".to_owned()]));
    assert_eq!(first.agencies.code, Some("A1"));
    assert_eq!(first.bid_method, Some("一般競争入札・最低価格"));
    assert_eq!((first.fiscal_year, first.ends_on), (2025, d("2026-03-31")));
    let (_, errors) = file.bad().nth(1).unwrap();
    assert_eq!(errors[0].column, "6列目（入札方式コード）");
}

/// The template with its example made a real row, in the given encoding.
fn filled(change: impl Fn(String) -> String) -> String {
    change(String::from_utf8(template()).unwrap().replace("記入例", "2026-001"))
}

#[test]
fn the_template_gives_every_field() {
    let text = filled(|text| text.trim_start_matches('\u{feff}').to_owned());
    let (bytes, _, lossy) = encoding_rs::SHIFT_JIS.encode(&text);
    assert!(!lossy);
    let file = read(&bytes, today()).unwrap();
    assert_eq!((file.origin, file.encoding, counts(&file)), (Origin::Template, Encoding::Cp932, (1, 0, 0)));
    let (_, c) = file.taken().next().unwrap();
    assert_eq!((c.number.as_str(), c.fiscal_year, c.period_assumed), ("2026-001", 2026, false));
    assert_eq!(c.vendor.name.as_deref(), Some("株式会社架空データ"));
    assert_eq!(c.data.iter().map(|volume| volume.persons).collect::<Vec<_>>(), [1000, 200, 0]);
    assert_eq!(
        (c.policy, c.max_tier, c.max_ratio_percent),
        (Some(Policy::ConsentRequired), Some(3), Some(50))
    );
    assert_eq!(
        (c.overseas, c.declaration_interval),
        (Some(Overseas::Prohibited), Some(DeclarationInterval::Monthly))
    );
    assert_eq!((c.return_due_days, c.department.as_deref()), (Some(14), Some("架空課")));
    assert_eq!((c.starts_on, c.ends_on), (d("2026-04-01"), d("2027-03-31")));
}

#[test]
fn the_example_row_left_in_is_refused() {
    let file = read(&template(), today()).unwrap();
    assert_eq!(bad(&file), [(2, vec!["example_row"])]);
}

#[test]
fn few_columns_in_any_order_and_width() {
    let file = read_text(
        "終了日,開始日,契約日,契約金額(円),受託者名,件　名,契約番号\n\
         令和9年3月31日,Ｒ８．４．１,2026/4/1,\"1,200円\",架空太郎,架空業務,A-1\n\
         2026-03-31,2026-04-01,2026-04-01,-5,,\"二行の\n件名\",A-2\n\
         2027-03-31,2026-04-01,2026-04-01,5,甲,別件,A-1\n",
    );
    let (_, c) = file.taken().next().unwrap();
    assert_eq!((c.fiscal_year, c.amount_yen, c.ends_on), (2026, 1200, d("2027-03-31")));
    assert_eq!((c.policy, c.scope.clone(), c.data.len()), (None, None, 0));
    assert_eq!(
        bad(&file),
        [(3, vec!["line_break", "required", "negative", "ends_before_start"]), (5, vec!["duplicate_number"])]
    );
}

#[test]
fn parts_exceed_no_whole_and_limits_fit_the_policy() {
    let header = "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日,個人情報人数,マイナンバー人数,要配慮人数,再委託,軽微の上限額（円）,最大階層";
    let row = |number: &str, rest: &str| {
        format!("{number},架空業務,甲,1,2026-04-01,2026-04-01,2027-03-31,{rest}\n")
    };
    let file = read_text(&format!(
        "{header}\n{}{}{}{}{}{}",
        row("1", "10,11,3,禁止,,"),
        row("2", ",5,,禁止,,0"),
        row("3", "10,10,10,軽微を除き承認,,2"),
        row("4", "10,10,10,軽微を除き承認,1000000,2"),
        row("5", "10,,,事前承認,5,2"),
        row("6", "多数,5,,可,,"),
    ));
    assert_eq!(
        file.taken().map(|(line, c)| (line, c.minor_limit_yen)).collect::<Vec<_>>(),
        [(5, Some(1_000_000))]
    );
    assert_eq!(
        bad(&file),
        [
            (2, vec!["more_than_whole"]),
            (3, vec!["whole_missing", "too_small"]),
            (4, vec!["minor_limit_missing"]),
            (6, vec!["minor_limit_meaningless"]),
            (7, vec!["not_a_number", "unknown_word"]),
        ]
    );
}

#[test]
fn wrong_headers_and_unknown_forms_are_named() {
    let error = read("件名,契約日,memo,,担当部署,\n1,2,3,,4,\n".as_bytes(), today()).unwrap_err();
    let message = error.to_string();
    for part in [
        "「memo」は雛形にない列",
        "4列目に見出しがありません",
        // The empty tail that a spreadsheet leaves is no column.
        "「契約番号」の列がありません",
        "「受託者法人番号」か「受託者名」の列が必要",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let twice = read("契約番号,契約番号,件名\n".as_bytes(), today()).unwrap_err().to_string();
    assert!(twice.contains("「契約番号」が重複"), "{twice}");
    assert_eq!(
        read(b"x,y\n1,2\n", today()).unwrap_err(),
        FileError::UnknownForm { first: "「x」".to_owned(), columns: 2 }
    );
    assert_eq!(read(b"", today()).unwrap_err(), FileError::Empty);
}

/// Rows a spreadsheet would count: everything but the header.
fn real(path: &str) -> Option<ContractFile> {
    let file = read(&real_file(&format!("gbiz_procurement/{path}"))?, today()).unwrap();
    println!("{path}: {:?} (taken, duplicate, bad)", counts(&file));
    for (_, errors) in file.bad() {
        for error in errors {
            println!("{error}");
        }
    }
    Some(file)
}

#[test]
fn the_real_gbizinfo_files_add_up() {
    let (Some(april), Some(november)) = (real("procurement_202004.csv"), real("procurement_202011.csv"))
    else {
        return;
    };
    assert_eq!((april.outcomes.len(), november.outcomes.len()), (3_290, 73));
    assert_eq!((april.duplicates().count(), november.duplicates().count()), (887, 0));
    let codes = |file: &ContractFile| bad(file).into_iter().flat_map(|(_, codes)| codes).collect::<Vec<_>>();
    assert_eq!(codes(&april), ["required", "too_large", "required", "required", "required"]);
    assert_eq!(codes(&november), ["date_out_of_range"; 3]);
    assert_eq!(april.taken().filter(|(_, c)| c.agencies.names.len() > 1).count(), 18);
    assert!(april.taken().any(|(_, c)| c.joint_vendors.len() == 46));
}

#[test]
fn a_hundred_thousand_rows_are_read() {
    let rows: Vec<String> = (0..100_000)
        .map(|n| {
            format!(
                "2020-04-01T00:00:00+09:00,架空業務{n},{},架空省,,{NOBODY}\n",
                if n % 1_000 == 0 { "-1" } else { "5" }
            )
        })
        .collect();
    let file = read_text(&format!("{GBIZINFO}\n{}", rows.concat()));
    assert_eq!(counts(&file), (99_900, 0, 100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_row_has_one_outcome(rows in prop::collection::vec(
        ("(2020-04-01|2020/4/1|2910-01-01||x)", "[件名 ]{0,3}", "(1|１|-1|)", "(省|甲／乙|)", "(|甲,乙)", "(9000000000000|1)"), 0..12)
    ) {
        let lines: Vec<String> = rows.iter().map(|(on, title, yen, agency, joint, number)| format!("{on},{title},{yen},{agency},\"{joint}\",{number}\n")).collect();
        let text = lines.concat();
        let file = read_text(&format!("{GBIZINFO}\n{text}"));
        let (taken, duplicates, bad) = counts(&file);
        prop_assert_eq!(taken + duplicates + bad, rows.len());
        prop_assert!(file.bad().all(|(_, errors)| !errors.is_empty()));
        let again = read_text(&format!("{GBIZINFO}\n{text}"));
        prop_assert_eq!(&file, &again);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        for header in ["", GBIZINFO, "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日"] {
            let _ = read(&[header.as_bytes(), b"\n", &bytes].concat(), today());
        }
    }
}
