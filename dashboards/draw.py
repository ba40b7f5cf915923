"""Draws a board with Grafana's own builders, in one language."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as make
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.board import Board, Choice, Colour, Column, Kind, Look, Panel, Query, Row, Step
from dialer.adapters.languages import speaker
from dialer.domain.said import said
from dialer.domain.types import Language

Picture = stat.Panel | bargauge.Panel | timeseries.Panel | table.Panel | statetimeline.Panel
Tell = Callable[[str], str]
SOURCE = looks.DataSourceRef("prometheus", "${datasource}")
PROMETHEUS = model.VariableOption(selected=True, text="Prometheus", value="prometheus")
SCHEMA = 39  # of Grafana 11.0: later ones bring it up to date, and refuse a newer one than their own
IN_SIGHT = ""  # else the builders put links into a menu
STRAY = ("auto", "auto_count", "auto_min")  # of interval variables; the builders write them into all
EVERYTHING = model.VariableOption(selected=True, text=["All"], value=["$__all"])


def uid(board: str, language: Language) -> str:
    """Stable: links and bookmarks lead there."""
    return f"obzvon-{board}-{language}"


def drawn(board: Board, boards: Mapping[str, Board], language: Language) -> str:
    """The board as JSON; `boards` are all, for the links between them."""
    return Pen(boards, language).board(board)


class Pen:
    """Speaks one language and numbers the panels of one board."""

    def __init__(self, boards: Mapping[str, Board], language: Language) -> None:
        self._boards = boards
        self._language = language
        self._tell: Tell = speaker(language)
        self._last = 0

    def board(self, board: Board) -> str:
        sheet = (
            make.Dashboard(self._tell(board.title))
            .uid(uid(board.name, self._language))
            .description(self._tell(board.about))
            .tags(["obzvon", f"obzvon-{self._language}"])
            .timezone("browser")
            .week_start("monday")
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .time(board.since, board.until)
            .refresh(board.refresh)
            .editable()
            .annotations([])
            .link(self._others())
        )
        for choice in board.choices:
            sheet.with_variable(self._choice(choice))
        sheet.with_variable(
            make.DatasourceVariable("datasource")
            .label(self._tell(said("Data source")))
            .type("prometheus")
            .current(PROMETHEUS)
        )
        for row in board.rows:
            self._row(sheet, row)
        whole = sheet.build()
        whole.schema_version = SCHEMA
        made = json.loads(JSONEncoder().encode(whole), object_hook=pruned)
        return json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def _others(self) -> make.DashboardLink:
        """All boards of this language, in the head of each."""
        link = make.DashboardLink(self._tell(said("Boards"))).type(model.DashboardLinkType.DASHBOARDS)
        return link.tags([f"obzvon-{self._language}"]).keep_time(True).include_vars(True).placement(IN_SIGHT)

    def _choice(self, choice: Choice) -> make.QueryVariable | make.CustomVariable:
        label = self._tell(choice.title)
        if choice.options:
            options = [
                model.VariableOption(selected=not place, text=self._tell(text), value=value)
                for place, (value, text) in enumerate(choice.options)
            ]
            values = ",".join(f"{option.text} : {option.value}" for option in options)
            custom = make.CustomVariable(choice.name).label(label).values(values)
            return custom.options(options).current(options[0])
        return (
            make.QueryVariable(choice.name)
            .label(label)
            .datasource(SOURCE)
            .query(choice.query)
            .regex(choice.regex)
            .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(model.VariableSort.NATURAL_ASC)
            .multi(True)
            .include_all(True)
            .all_value(".*")
            .current(EVERYTHING)
        )

    # --- panels ------------------------------------------------------------------------------------------

    def _row(self, sheet: make.Dashboard, row: Row) -> None:
        sheet.with_row(make.Row(self._tell(row.title)).id(self._number()))
        for panel in row.panels:
            sheet.with_panel(self._panel(panel))

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _panel(self, panel: Panel) -> Picture:
        picture = self._picture(panel)
        picture.id(self._number()).title(self._tell(panel.title)).description(self._tell(panel.about))
        picture.datasource(SOURCE).span(panel.width).height(panel.height).unit(panel.unit)
        picture.thresholds(thresholds(panel.steps))
        if panel.kind in (Kind.STAT, Kind.BARS):
            picture.no_value("-")
        if panel.decimals is not None:
            picture.decimals(panel.decimals)
        if panel.least is not None:
            picture.min(panel.least)
        if panel.most is not None:
            picture.max(panel.most)
        if panel.values:
            picture.mappings([self._words(panel.values)])
        for letter, query in zip(ascii_uppercase, panel.queries, strict=False):
            picture.with_target(self._query(panel.kind, query, letter))
        for name, look in panel.looks.items():
            picture.override_by_name(name, self._look(look))
        if panel.leads_to:
            other = self._boards[panel.leads_to]
            there = f"/d/{uid(other.name, self._language)}?${{__url_time_range}}&${{__all_variables}}"
            picture.links([make.DashboardLink(self._tell(other.title)).url(there).placement(IN_SIGHT)])
        return picture

    def _query(self, kind: Kind, query: Query, letter: str) -> Dataquery:
        target = Dataquery().expr(query.expr).ref_id(letter).datasource(SOURCE)
        target.legend_format(self._tell(query.legend) or "__auto")
        match kind:
            case Kind.TABLE:
                return target.instant().format(PromQueryFormat.TABLE)
            case Kind.STAT | Kind.BARS:
                return target.instant().format(PromQueryFormat.TIME_SERIES)
            case Kind.LINES | Kind.TIMELINE:
                return target.range().format(PromQueryFormat.TIME_SERIES)

    def _picture(self, panel: Panel) -> Picture:
        match panel.kind:
            case Kind.STAT:
                return figures(panel)
            case Kind.BARS:
                return bars()
            case Kind.LINES:
                return lines(panel)
            case Kind.TIMELINE:
                return statetimeline.Panel().merge_values(True).row_height(0.8).line_width(0)
            case Kind.TABLE:
                return self._table(panel)

    def _table(self, panel: Panel) -> table.Panel:
        picture = table.Panel().cell_height(looks.TableCellHeight.SM)
        names = [(field_of(column, len(panel.queries)), column) for column in panel.columns]
        if len(panel.queries) > 1:
            picture.with_transformation(model.DataTransformerConfig("merge", options={}))
        picture.with_transformation(
            model.DataTransformerConfig(
                "filterFieldsByName", options={"include": {"names": [name for name, _ in names]}}
            )
        )
        order = {
            "indexByName": {name: place for place, (name, _) in enumerate(names)},
            "renameByName": {name: self._tell(column.title) for name, column in names},
        }
        picture.with_transformation(model.DataTransformerConfig("organize", options=order))
        for column in panel.columns:
            if properties := list(self._column(column)):
                picture.override_by_name(self._tell(column.title), properties)
        return picture

    def _column(self, column: Column) -> Iterator[model.DynamicConfigValue]:
        if column.unit is not None:
            yield model.DynamicConfigValue("unit", column.unit)
        if column.decimals is not None:
            yield model.DynamicConfigValue("decimals", column.decimals)
        if column.steps:
            yield model.DynamicConfigValue("thresholds", thresholds(column.steps).build())
        if column.looks:
            yield model.DynamicConfigValue("mappings", [self._words(column.looks)])
        if column.steps or any(look.colour for look in column.looks.values()):
            yield model.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})

    # --- words and colours -------------------------------------------------------------------------------

    def _words(self, values: Mapping[str, Look]) -> model.ValueMap:
        found = {
            value: model.ValueMappingResult(
                text=None if look.text is None else self._tell(look.text), color=look.colour, index=place
            )
            for place, (value, look) in enumerate(values.items())
        }
        return model.ValueMap(options=found)

    def _look(self, look: Look) -> list[model.DynamicConfigValue]:
        properties = []
        if look.text is not None:
            properties.append(model.DynamicConfigValue("displayName", self._tell(look.text)))
        if look.colour is not None:
            fixed = {"mode": "fixed", "fixedColor": look.colour}
            properties.append(model.DynamicConfigValue("color", fixed))
        return properties


def pruned(made: dict[str, Any]) -> dict[str, Any]:
    """Without what the builders write and Grafana's schema does not know."""
    placed = {"placement": IN_SIGHT}.items()
    return {key: value for key, value in made.items() if key not in STRAY and (key, value) not in placed}


def field_of(column: Column, queries: int) -> str:
    """Grafana's name for it: a label, or `Value`, or `Value #B` where there are several queries."""
    if not column.source.startswith("#"):
        return column.source
    return f"Value #{ascii_uppercase[int(column.source[1:])]}" if queries > 1 else "Value"


def thresholds(steps: Sequence[Step]) -> make.ThresholdsConfig:
    """Of a figure without any: no colour."""
    every = steps or (Step(None, Colour.GREY),)
    marks = [model.Threshold(value=step.above, color=step.colour) for step in every]
    return make.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(marks)


def last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def figures(panel: Panel) -> stat.Panel:
    """Large figures; with its name where there may be several."""
    several = any(query.legend for query in panel.queries)
    name = looks.BigValueTextMode.VALUE_AND_NAME if several else looks.BigValueTextMode.VALUE
    picture = stat.Panel().reduce_options(last()).graph_mode(looks.BigValueGraphMode.NONE).text_mode(name)
    return picture.color_mode(looks.BigValueColorMode.VALUE)


def bars() -> bargauge.Panel:
    """A bar each, longest name and all."""
    picture = bargauge.Panel().reduce_options(last()).display_mode(looks.BarGaugeDisplayMode.BASIC)
    return picture.orientation(looks.VizOrientation.HORIZONTAL).show_unfilled(False)


def lines(panel: Panel) -> timeseries.Panel:
    """Lines over time, or bars, stacked or not; thresholds as a dashed line."""
    legend = common.VizLegendOptions().show_legend(True).placement(looks.LegendPlacement.BOTTOM)
    legend.display_mode(looks.LegendDisplayMode.LIST).calcs([])
    tooltip = common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI)
    picture = timeseries.Panel().legend(legend).tooltip(tooltip.sort(looks.SortOrder.DESCENDING))
    picture.line_width(1).show_points(looks.VisibilityMode.NEVER)
    picture.fill_opacity(30 if panel.stacked or panel.bars else 0)
    picture.color_scheme(make.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))
    if panel.bars:
        picture.draw_style(looks.GraphDrawStyle.BARS)
    if panel.stacked:
        picture.stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL))
    if panel.steps:
        style = common.GraphThresholdsStyleConfig().mode(looks.GraphThresholdsStyleMode.DASHED)
        picture.thresholds_style(style)
    return picture
