from django.apps import AppConfig


class RulebooksConfig(AppConfig):
    name = "terrace.market.rulebooks"
    label = "rulebooks"
    verbose_name = "规则集"

    def ready(self) -> None:
        from terrace.kernel.base.texts import Text
        from terrace.kernel.orgs.services import on_decision
        from terrace.market.rulebooks.queries import parameter_url
        from terrace.market.rulebooks.services import PROPOSE, parameter_facts

        on_decision(
            PROPOSE,
            label=Text("规则参数变更", "Change of a rulebook parameter"),
            url=parameter_url,
            facts=parameter_facts,
        )
