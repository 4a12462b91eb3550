# A compute environment on Fargate, a job queue, a job definition for the worker, its roles, and the policy of the scheduler.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "image" {
  type        = string
  description = "Image of the worker: docs/guide/remote-workers.md says how it is made."
}

variable "subnets" {
  type        = list(string)
  description = "Subnets from which workers reach the API, the registry and CloudWatch."
}

variable "security_groups" {
  type        = list(string)
  description = "Security groups of the workers; one way out is enough."
}

variable "scheduler_role" {
  type        = string
  description = "Name of the role under which the scheduler runs."
}

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "here" {}

locals {
  name    = "fairlead"
  account = data.aws_caller_identity.here.account_id
  jobs    = "arn:aws:batch:${var.region}:${local.account}:job/*"
}

data "aws_iam_policy_document" "for_tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

# What tasks may do in AWS: add what yours need.
resource "aws_iam_role" "task" {
  name               = "${local.name}-batch-task"
  assume_role_policy = data.aws_iam_policy_document.for_tasks.json
}

# Pulls the image and writes the log.
resource "aws_iam_role" "execution" {
  name               = "${local.name}-batch-execution"
  assume_role_policy = data.aws_iam_policy_document.for_tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_batch_compute_environment" "fargate" {
  type = "MANAGED"
  compute_resources {
    type               = "FARGATE"
    max_vcpus          = 64
    subnets            = var.subnets
    security_group_ids = var.security_groups
  }
}

resource "aws_batch_job_queue" "fairlead" {
  name     = local.name
  state    = "ENABLED"
  priority = 1
  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.fargate.arn
  }
}

resource "aws_batch_job_definition" "worker" {
  name                  = "${local.name}-worker"
  type                  = "container"
  platform_capabilities = ["FARGATE"]

  container_properties = jsonencode({
    image            = var.image
    jobRoleArn       = aws_iam_role.task.arn
    executionRoleArn = aws_iam_role.execution.arn
    resourceRequirements = [
      { type = "VCPU", value = "0.5" },
      { type = "MEMORY", value = "1024" },
    ]
    networkConfiguration = { assignPublicIp = "DISABLED" }
    logConfiguration     = { logDriver = "awslogs" }
  })
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    actions = [
      "batch:DescribeJobQueues",
      "batch:DescribeJobDefinitions",
      "batch:DescribeJobs",
      "batch:ListJobs",
    ]
    resources = ["*"]
  }
  statement {
    actions = ["batch:SubmitJob"]
    resources = [
      aws_batch_job_queue.fairlead.arn,
      "${aws_batch_job_definition.worker.arn_prefix}:*",
    ]
  }
  statement {
    actions   = ["batch:CancelJob", "batch:TerminateJob", "batch:TagResource"]
    resources = [local.jobs]
  }
  statement {
    actions   = ["logs:GetLogEvents"]
    resources = ["arn:aws:logs:${var.region}:${local.account}:log-group:/aws/batch/job:log-stream:*"]
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "${local.name}-batch"
  role   = var.scheduler_role
  policy = data.aws_iam_policy_document.scheduler.json
}

output "settings" {
  description = "What to write into the settings of the BatchExecutor."
  value = {
    region        = var.region
    jobQueue      = aws_batch_job_queue.fairlead.name
    jobDefinition = aws_batch_job_definition.worker.name
  }
}
