//! 確認事項.

use crate::domain::access::Permission;
use crate::service::observation;
use crate::web::route::{Plain, Route, act, create, get};

pub fn routes() -> Vec<Route> {
    vec![
        create("/contracts/{id}/observations", "確認事項の記録").needs(Permission::Observe).takes(
            |app, call, request, given| observation::observe(app, call, request.id("id")?, &given).map(Plain),
        ),
        get("/contracts/{id}/observations", "確認事項の一覧").paged().needs(Permission::ReadContract).run(
            |app, call, request| observation::list(app, call, request.id("id")?, &request.page()?).map(Plain),
        ),
        act("/observations/{id}/retract", "確認事項の取消し").needs(Permission::Observe).takes(
            |app, call, request, given| observation::retract(app, call, request.id("id")?, &given).map(Plain),
        ),
    ]
}
