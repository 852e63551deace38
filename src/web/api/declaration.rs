//! 再委託状況報告.

use crate::domain::access::Permission;
use crate::service::declaration;
use crate::web::route::{Plain, Route, act, create, get};

pub fn routes() -> Vec<Route> {
    vec![
        create("/contracts/{id}/declarations", "再委託状況報告").needs(Permission::Declare).takes(
            |app, call, request, given| declaration::declare(app, call, request.id("id")?, &given).map(Plain),
        ),
        get("/contracts/{id}/declarations", "報告の一覧").paged().needs(Permission::ReadContract).run(
            |app, call, request| declaration::list(app, call, request.id("id")?, &request.page()?).map(Plain),
        ),
        get("/contracts/{id}/declarations/draft", "前回の内容を写した次の報告")
            .needs(Permission::Declare)
            .run(|app, call, request| declaration::draft(app, call, request.id("id")?).map(Plain)),
        act("/declarations/{id}/retract", "報告の取消し").needs(Permission::Declare).takes(
            |app, call, request, given| declaration::retract(app, call, request.id("id")?, &given).map(Plain),
        ),
    ]
}
