"""The rows. They are the truth; everything else is drawn from them."""

from sqlmodel import SQLModel as SQLModel

from incidents.records.columns import UtcDateTime as UtcDateTime
from incidents.records.columns import Word as Word
from incidents.records.incident import Event as Event
from incidents.records.incident import Followup as Followup
from incidents.records.incident import Incident as Incident
from incidents.records.incident import IncidentWord as IncidentWord
from incidents.records.incident import Membership as Membership
from incidents.records.incident import PostmortemSection as PostmortemSection
from incidents.records.incident import RoleHolder as RoleHolder
from incidents.records.incident import Solution as Solution
from incidents.records.incident import StatusUpdate as StatusUpdate
from incidents.records.response import Approval as Approval
from incidents.records.response import Attestation as Attestation
from incidents.records.response import EvidenceRow as EvidenceRow
from incidents.records.response import Question as Question
from incidents.records.response import Run as Run
from incidents.records.response import Step as Step
from incidents.records.response import StepVersion as StepVersion
from incidents.records.traffic import Allowance as Allowance
from incidents.records.traffic import Inbound as Inbound
from incidents.records.traffic import KnownPerson as KnownPerson
from incidents.records.traffic import Outbox as Outbox
from incidents.records.traffic import Spell as Spell
from incidents.records.traffic import Timer as Timer
