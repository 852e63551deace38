//! In which order the list of contracts is asked for, and the cursors of each order.

use std::str::FromStr;

use crate::db::contract::{ContractHead, ContractOrder};
use crate::domain::access::Scope;
use crate::domain::id::{ContractId, of};
use crate::domain::text::number_key;
use crate::domain::text_enum::TextEnum;
use crate::service::page::{keyed, unknown_cursor};
use crate::service::{Failure, Page};
use crate::text_enum;

text_enum! {
    /// The order of the list of contracts; `-` turns one round.
    #[derive(Default)]
    pub enum ContractSort {
        /// The newest first.
        #[default]
        Newest = "newest",
        /// 契約番号.
        Number = "number",
        NumberDown = "-number",
        /// The last day, the soonest first.
        Ends = "ends",
        EndsDown = "-ends",
        /// 契約金額; the agency's side only.
        Amount = "amount",
        AmountDown = "-amount",
    }
}

impl ContractSort {
    /// The order as the database takes it. A vendor further down must not learn from it whose amount is greater, nor
    /// read the amount in a cursor; a cursor of another order is refused.
    pub(super) fn order(self, scope: &Scope, page: &Page) -> Result<ContractOrder, Failure> {
        let descending = matches!(self, Self::NumberDown | Self::EndsDown | Self::AmountDown);
        Ok(match self {
            Self::Newest => {
                if page.after.as_deref().and_then(Self::of).is_some_and(|order| order != self) {
                    return Err(other_order());
                }
                ContractOrder::Newest { after: page.after_id()? }
            }
            Self::Number | Self::NumberDown => ContractOrder::Number { descending, after: self.after(page)? },
            Self::Ends | Self::EndsDown => ContractOrder::LastDay { descending, after: self.after(page)? },
            Self::Amount | Self::AmountDown => {
                if matches!(scope, Scope::Vendor(_)) {
                    let message = "金額の順に並べることはできません。";
                    return Err(Failure::field("/sort", "choice", message));
                }
                ContractOrder::Amount { descending, after: self.after(page)? }
            }
        })
    }

    /// The sort key of a row, with the order's name before it.
    pub(super) fn key(self, head: &ContractHead) -> String {
        match self {
            Self::Newest => head.id.to_string(),
            Self::Number | Self::NumberDown => {
                keyed(format_args!("{self} {}", number_key(&head.number)), head.id)
            }
            Self::Ends | Self::EndsDown => keyed(format_args!("{self} {}", head.last_day), head.id),
            Self::Amount | Self::AmountDown => keyed(format_args!("{self} {}", head.amount_yen), head.id),
        }
    }

    /// The last row of the page before, by a cursor of this order.
    fn after<K: FromStr>(self, page: &Page) -> Result<Option<(K, ContractId)>, Failure> {
        let Some(key) = &page.after else { return Ok(None) };
        if Self::of(key).is_some_and(|order| order != self) {
            return Err(other_order());
        }
        let (key, id) = page.after_keyed::<String, of::Contract>()?.ok_or_else(unknown_cursor)?;
        let value = key.split_once(' ').and_then(|(_, value)| value.parse().ok());
        Ok(Some((value.ok_or_else(unknown_cursor)?, id)))
    }

    /// The order to which a sort key belongs.
    fn of(key: &str) -> Option<Self> {
        match key.split_once(' ') {
            Some((order, _)) => Self::parse(order),
            None => key.parse::<ContractId>().ok().map(|_| Self::Newest),
        }
    }
}

fn other_order() -> Failure {
    let message = "cursor がこの並べ替えのものではありません。並べ替えを変えたときは、cursor を付けずに先頭から読み直してください。";
    Failure::field("/cursor", "other_order", message)
}
