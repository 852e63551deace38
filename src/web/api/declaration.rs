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
        get("/declarations", "報告と受付票の一覧（新しい順。事業者は自社の報告、機関は自らの契約の報告）")
            .narrowed()
            .paged()
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                let narrow = super::contract::narrow(request)?;
                declaration::mine(app, call, &narrow, &request.page()?).map(Plain)
            }),
        get("/declarations/{id}", "報告と受付票")
            .needs(Permission::ReadContract)
            .run(|app, call, request| declaration::find(app, call, request.id("id")?).map(Plain)),
        act("/declarations/{id}/retract", "報告の取消し").needs(Permission::Declare).takes(
            |app, call, request, given| declaration::retract(app, call, request.id("id")?, &given).map(Plain),
        ),
    ]
}
